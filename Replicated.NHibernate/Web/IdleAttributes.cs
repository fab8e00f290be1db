using System.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.Controllers;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;

namespace Replicated.NHibernate.Web;

/// <summary>Finds [UseMaster], [UseSlave] and [UseSnapshot] where nobody asks for them: on registered services, on interfaces, on methods of a controller that are no actions.</summary>
internal sealed class IdleAttributes(IServiceCollection registered)
{
    private const BindingFlags Declared = BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    private static readonly string Library = typeof(IdleAttributes).Assembly.GetName().Name!;

    /// <returns>What to say of each place, one sentence or two.</returns>
    public IEnumerable<string> Find(IReadOnlyList<Endpoint> endpoints)
    {
        var actions = endpoints.Select(e => e.Metadata.GetMetadata<ControllerActionDescriptor>()).OfType<ControllerActionDescriptor>().ToArray();
        var asked = actions.Select(a => a.ControllerTypeInfo.AsType())
            .Concat(endpoints.Select(e => e.Metadata.GetMetadata<HubMetadata>()?.HubType).OfType<Type>())
            .Concat(endpoints.Select(e => e.Metadata.GetMetadata<CompiledPageActionDescriptor>()?.HandlerTypeInfo.AsType()).OfType<Type>())
            .Concat(endpoints.SelectMany(e => e.Metadata).Select(GrpcService).OfType<Type>())
            .Distinct().ToArray();
        var places = asked.SelectMany(t => t.GetInterfaces()).Concat(Registered().Where(t => !IsAsked(t, asked))).Distinct().Where(RefersToLibrary).SelectMany(Tokened)
            .Concat(actions.Select(a => a.ControllerTypeInfo.AsType()).Distinct().SelectMany(t => NoActions(t, actions)));
        return places.Distinct(StringComparer.Ordinal).Select(place =>
            $"{place} has [UseMaster], [UseSlave] or [UseSnapshot], which does nothing there: only actions, controllers, page models, hubs, their methods and endpoints are asked. "
            + "Put it on one of these, or work inside using (sessions.UseMaster()) { … } or UseSlave().");
    }

    private IEnumerable<Type> Registered() =>
        from service in registered
        from type in new[] { service.ServiceType, service.IsKeyedService ? service.KeyedImplementationType : service.ImplementationType }
        where type is not null
        select type;

    private static bool IsAsked(Type type, Type[] asked) => Array.Exists(asked, a => type.IsAssignableFrom(a) && !type.IsInterface);

    // Each of its methods that is tokened, and itself.
    private static IEnumerable<string> Tokened(Type type) =>
        (IsTokened(type) ? [type.Name] : Array.Empty<string>()).Concat(type.GetMethods(Declared).Where(IsTokened).Select(NameOf));

    private static IEnumerable<string> NoActions(Type controller, ControllerActionDescriptor[] actions) =>
        from method in controller.GetMethods(Declared)
        where IsTokened(method) && !Array.Exists(actions, a => a.MethodInfo.GetBaseDefinition() == method.GetBaseDefinition() || a.MethodInfo == method)
        select NameOf(method);

    private static string NameOf(MethodInfo method) => $"{method.DeclaringType?.Name}.{method.Name}";

    private static bool IsTokened(MemberInfo member) => EndpointRoles.On(member).Length > 0 || member.IsDefined(typeof(UseSnapshotAttribute), inherit: false);

    private static bool RefersToLibrary(Type type) => type.Assembly.GetName().Name != Library && Array.Exists(type.Assembly.GetReferencedAssemblies(), a => a.Name == Library);

    // There is no reference to gRPC.
    private static Type? GrpcService(object metadata) =>
        metadata.GetType().Name == "GrpcMethodMetadata" ? metadata.GetType().GetProperty("ServiceType")?.GetValue(metadata) as Type : null;
}
