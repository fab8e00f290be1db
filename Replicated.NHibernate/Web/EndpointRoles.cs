using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.Controllers;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.SignalR;

namespace Replicated.NHibernate.Web;

/// <summary>The role that an endpoint asks for: the most specific level that says anything. Thread-safe; remembered for each endpoint.</summary>
internal static class EndpointRoles
{
    private static readonly ConditionalWeakTable<Endpoint, Answer> Known = new();

    /// <exception cref="InvalidOperationException">One level asks for both roles.</exception>
    public static DatabaseRole? Of(Endpoint endpoint) =>
        (Known.TryGetValue(endpoint, out var answer) ? answer : Known.GetValue(endpoint, static e => new Answer(Find(e)))).Role;

    /// <summary>For a hub method: its own attribute, then the hub's, then the endpoint's conventions.</summary>
    public static DatabaseRole? Of(MethodInfo hubMethod, Type hub, Endpoint? endpoint) =>
        FirstOf([.. Levels(hubMethod), .. Levels(hub)], $"Hub method {hub.Name}.{hubMethod.Name}")
        ?? (endpoint is null ? null : Of(endpoint));

    private static DatabaseRole? Find(Endpoint endpoint)
    {
        var metadata = endpoint.Metadata;
        var name = endpoint.DisplayName ?? "an endpoint";
        if (metadata.GetMetadata<ControllerActionDescriptor>() is { } action)
        {
            return FirstOf([.. Levels(action.MethodInfo), .. Levels(action.ControllerTypeInfo)], name) ?? LastOf(endpoint, name);
        }

        if (metadata.GetMetadata<CompiledPageActionDescriptor>() is { } page)
        {
            return FirstOf([.. Levels(page.HandlerTypeInfo), .. Levels(page.PageTypeInfo)], name) ?? LastOf(endpoint, name);
        }

        return metadata.GetMetadata<HubMetadata>() is { } hub
            ? FirstOf(Levels(hub.HubType), $"Hub {hub.HubType.Name}") ?? LastOf(endpoint, name)
            : LastOf(endpoint, name);
    }

    // Minimal endpoints: group conventions come first, then the handler's attributes, then the endpoint's own conventions.
    private static DatabaseRole? LastOf(Endpoint endpoint, string name)
    {
        var all = endpoint.Metadata.OfType<IDatabaseRoleMetadata>().ToArray();
        foreach (var level in all.GroupBy(m => m is RoleConvention { Builder: RouteGroupBuilder or not RouteHandlerBuilder } c ? c.Builder : name))
        {
            OneRole(level, name);
        }

        return all.LastOrDefault()?.Role;
    }

    private static DatabaseRole? FirstOf(IEnumerable<IDatabaseRoleMetadata[]> levels, string name)
    {
        DatabaseRole? first = null;
        foreach (var level in levels)
        {
            OneRole(level, name);
            first ??= level.FirstOrDefault()?.Role;
        }

        return first;
    }

    private static void OneRole(IEnumerable<IDatabaseRoleMetadata> level, string name)
    {
        if (level.Select(m => m.Role).Distinct().Count() > 1)
        {
            throw new InvalidOperationException(
                $"{name} asks for the master and for a slave on one level. Keep either [UseMaster] or [UseSlave] (or .UseMaster(), .UseSlave()) there.");
        }
    }

    private static List<IDatabaseRoleMetadata[]> Levels(MethodInfo method)
    {
        List<IDatabaseRoleMetadata[]> levels = [On(method)];
        while (method.GetBaseDefinition() != method && method.DeclaringType?.BaseType is { } parent
            && parent.GetMethod(method.Name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic, [.. method.GetParameters().Select(p => p.ParameterType)]) is { } overridden)
        {
            method = overridden;
            levels.Add(On(method));
        }

        return levels;
    }

    private static List<IDatabaseRoleMetadata[]> Levels(Type type)
    {
        List<IDatabaseRoleMetadata[]> levels = [];
        for (var level = type; level is not null; level = level.BaseType)
        {
            levels.Add(On(level));
        }

        return levels;
    }

    public static IDatabaseRoleMetadata[] On(MemberInfo member) =>
        [.. member.GetCustomAttributes(inherit: false).OfType<IDatabaseRoleMetadata>()];

    private sealed record Answer(DatabaseRole? Role);
}
