using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Scopes;
using Replicated.NHibernate.Tests.Nodes;

namespace Replicated.NHibernate.Tests.Scopes;

/// <summary>Scopes over servers that can only be connected to.</summary>
internal sealed class FakeScopes : IDisposable
{
    private readonly ServiceProvider _services;

    public FakeScopes(int slaves = 1) => _services = Servers.Services(slaves, new ManualClock());

    public FakeServers Servers { get; } = new();

    public IReplicatedSessions Sessions => _services.GetRequiredService<IReplicatedSessions>();

    public NodePool Pool => _services.GetRequiredService<NodePool>();

    public void Dispose() => _services.Dispose();

    /// <summary>The connection of the role in force, with a unit of the test's own.</summary>
    public static RoleConnection Connection(IUnitOfWork? unit = null)
    {
        RoleConnection? connection = null;
        ReplicatedSessions.CurrentUnit<IUnitOfWork, object?>(diagnosis: null, state: null, (role, _) =>
        {
            connection = role;
            return unit ?? new Unit();
        });
        return connection ?? AmbientScope.Current!.Scope!.Connection(AmbientScope.Current.Scope.Role)!;
    }

    internal sealed class Unit(Action? end = null) : IUnitOfWork
    {
        public bool IsUsable => true;

        public bool HasPendingChanges => false;

        public bool IsReading => false;

        public void Begin()
        {
        }

        public ValueTask BeforeCommit(bool async, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public void AfterCompletion(bool committed)
        {
        }

        public void Forget()
        {
        }

        public void End() => end?.Invoke();
    }
}
