using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Routing;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Web;

/// <summary>A scope for each hub invocation, committed when the method returns and rolled back when it throws.</summary>
internal sealed class ReplicatedHubFilter(ScopeServices services) : IHubFilter
{
    public async ValueTask<object?> InvokeMethodAsync(HubInvocationContext invocationContext, Func<HubInvocationContext, ValueTask<object?>> next)
    {
        var hub = invocationContext.Hub.GetType();
        var endpoint = EndpointOf(invocationContext.Context);
        var role = EndpointRoles.Of(invocationContext.HubMethod, hub, endpoint);
        var snapshot = EndpointSnapshots.Of(invocationContext.HubMethod, hub, endpoint);
        var repeats = EndpointRepeats.AreAllowed(invocationContext.HubMethod, hub, endpoint);
        return await Run(
            new Invocation(new OperationName(WorkKind.HubMethod, $"{hub.Name}.{invocationContext.HubMethodName}"), role, services.HasSlaves, snapshot, repeats, invocationContext.ServiceProvider),
            invocationContext.ServiceProvider,
            () => next(invocationContext),
            HubStream.Of(invocationContext.HubMethod));
    }

    public Task OnConnectedAsync(HubLifetimeContext context, Func<HubLifetimeContext, Task> next) =>
        Lifetime(context, nameof(OnConnectedAsync), () => next(context));

    public Task OnDisconnectedAsync(HubLifetimeContext context, Exception? exception, Func<HubLifetimeContext, Exception?, Task> next) =>
        Lifetime(context, nameof(OnDisconnectedAsync), () => next(context, exception));

    private static Endpoint? EndpointOf(HubCallerContext context) => context.GetHttpContext()?.GetEndpoint();

    private async Task Lifetime(HubLifetimeContext context, string method, Func<Task> run)
    {
        var hub = context.Hub.GetType();
        var endpoint = EndpointOf(context.Context);
        var (role, snapshot) = endpoint is not null ? (EndpointRoles.Of(endpoint), EndpointSnapshots.Of(endpoint)) : (null, false);
        await Run(new Invocation(new OperationName(WorkKind.HubMethod, $"{hub.Name}.{method}"), role, services.HasSlaves, snapshot, EndpointRepeats.AreAllowed(endpoint), context.ServiceProvider), context.ServiceProvider, async () =>
        {
            await run();
            return null;
        }, stream: null);
    }

    private async ValueTask<object?> Run(Invocation invocation, IServiceProvider provider, Func<ValueTask<object?>> run, HubStream? stream)
    {
        // A session in the hub's constructor was asked for before its method was known; its scope becomes the invocation's.
        var container = provider.GetRequiredService<ContainerScope>();
        var own = container.Own;
        if (own is not null && invocation.Decide(block: null).Role == DatabaseRole.Slave)
        {
            throw new InvalidOperationException(
                $"{invocation.Work} asks for a slave, but its hub's constructor, or a parameter of the method, asked for a session before the method was known, and got the master's. "
                + "Get the session in the method's body: by GetCurrentSession(), or from an injected IServiceProvider.");
        }

        if (invocation.WantsSnapshot)
        {
            own?.UseSnapshot(block: null);
        }

        var scope = own ?? new Scope(services, invocation, ScopeKind.Request);
        scope.Enter();
        container.Attach(scope, owned: stream is not null);
        var goesOn = false;
        try
        {
            var result = await run();
            if (result is not null && stream is not null)
            {
                goesOn = true;
                return stream.InScope(result, scope);
            }

            await scope.Commit(async: true, CancellationToken.None);
            return result;
        }
        catch
        {
            await scope.Rollback(async: true);
            throw;
        }
        finally
        {
            if (!goesOn)
            {
                await scope.DisposeAsync();
            }
        }
    }

    private sealed class Invocation(OperationName work, DatabaseRole? asked, bool hasSlaves, bool snapshot, bool repeats, IServiceProvider provider) : IScopeOwner
    {
        public OperationName Work { get; } = work;

        public bool WantsSnapshot { get; } = snapshot;

        public IServiceProvider? Services { get; } = provider;

        public bool MayRepeat { get; } = repeats;

        public bool IsReadOnlyVerb => false;

        public RoleDecision Decide(DatabaseRole? block) =>
            (block is { } inBlock ? new RoleDecision(inBlock, RouteReason.Block, IsExplicit: true)
                : asked is { } role ? new RoleDecision(role, RouteReason.Attribute, IsExplicit: true)
                : new RoleDecision(DatabaseRole.Master, RouteReason.Scope, IsExplicit: false)).OrMasterWithoutSlaves(hasSlaves);
    }
}
