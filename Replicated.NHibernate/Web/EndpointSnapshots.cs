using System.Reflection;
using Microsoft.AspNetCore.Http;

namespace Replicated.NHibernate.Web;

/// <summary>Whether an endpoint asks for one snapshot; any of its levels may. Thread-safe.</summary>
internal static class EndpointSnapshots
{
    // MVC, Razor pages, minimal endpoints and hubs put attributes, inherited ones too, among an endpoint's metadata.
    public static bool Of(Endpoint endpoint) => endpoint.Metadata.GetMetadata<UseSnapshotAttribute>() is not null;

    /// <summary>For a hub method: its own attribute, the hub's, or the endpoint's conventions.</summary>
    public static bool Of(MethodInfo hubMethod, Type hub, Endpoint? endpoint) => Has(hubMethod) || Has(hub) || (endpoint is not null && Of(endpoint));

    public static bool Has(MemberInfo member) => member.IsDefined(typeof(UseSnapshotAttribute), inherit: true);
}
