using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.RazorPages;

namespace Replicated.NHibernate.Web;

/// <summary>Whether an endpoint asks for one snapshot; any of its levels may. Thread-safe; remembered for each endpoint.</summary>
internal static class EndpointSnapshots
{
    private static readonly ConditionalWeakTable<Endpoint, object> Known = new();

    public static bool Of(Endpoint endpoint) =>
        (bool)(Known.TryGetValue(endpoint, out var answer) ? answer : Known.GetValue(endpoint, static e => Find(e)));

    /// <summary>For a hub method: its own attribute, the hub's, or the endpoint's conventions.</summary>
    public static bool Of(MethodInfo hubMethod, Type hub, Endpoint? endpoint) => Has(hubMethod) || Has(hub) || (endpoint is not null && Of(endpoint));

    public static bool Has(MemberInfo member) => member.IsDefined(typeof(UseSnapshotAttribute), inherit: true);

    // MVC, minimal endpoints and hubs put attributes, inherited ones too, among an endpoint's metadata; a page's own are not there.
    private static bool Find(Endpoint endpoint) =>
        endpoint.Metadata.GetMetadata<UseSnapshotAttribute>() is not null
        || (endpoint.Metadata.GetMetadata<CompiledPageActionDescriptor>() is { } page && Has(page.PageTypeInfo));
}
