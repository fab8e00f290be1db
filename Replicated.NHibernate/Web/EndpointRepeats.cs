using System.Reflection;
using Microsoft.AspNetCore.Http;

namespace Replicated.NHibernate.Web;

/// <summary>Whether statements of an endpoint may be sent once more; any of its levels may forbid it. Thread-safe.</summary>
internal static class EndpointRepeats
{
    public static bool AreAllowed(Endpoint? endpoint) => endpoint?.Metadata.GetMetadata<NoRepeatAttribute>() is null;

    /// <summary>For a hub method: its own attribute, the hub's, or the endpoint's conventions.</summary>
    public static bool AreAllowed(MethodInfo hubMethod, Type hub, Endpoint? endpoint) => !IsForbidden(hubMethod) && !IsForbidden(hub) && AreAllowed(endpoint);

    public static bool IsForbidden(MemberInfo member) => member.IsDefined(typeof(NoRepeatAttribute), inherit: true);
}
