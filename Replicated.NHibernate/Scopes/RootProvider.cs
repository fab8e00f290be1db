using Microsoft.Extensions.DependencyInjection;

namespace Replicated.NHibernate.Scopes;

/// <summary>Knows the container's root: what it hands out lives as long as the application, and nobody would commit a session of it.</summary>
internal sealed class RootProvider(IServiceProvider root)
{
    public bool Is(IServiceProvider services) => ReferenceEquals(services, root);
}

internal static class ContainerScopes
{
    /// <summary>Where sessions come from, for services that ask the container for one.</summary>
    /// <exception cref="InvalidOperationException">The root provider was asked, as for a singleton; only a scope that was begun explicitly counts there.</exception>
    public static ContainerScope GetContainerScope(this IServiceProvider services) =>
        services.GetRequiredService<RootProvider>().Is(services) && AmbientScope.Of(services.GetService<IScopeDiagnosis>())?.Scope is not { Kind: ScopeKind.Explicit }
            ? throw ScopeErrors.RootProvider()
            : services.GetRequiredService<ContainerScope>();
}
