using NHibernate;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Sessions;

internal sealed class StatelessUnit : SessionUnit
{
    private readonly ReplicatedSessionFactories _factories;

    private StatelessUnit(RoleConnection role, IStatelessSession session, ReplicatedSessionFactories factories)
        : base(role, session.GetSessionImplementation()) => (Session, _factories) = (session, factories);

    public new IStatelessSession Session { get; }

    public override bool IsUsable => Session.IsOpen;

    public static StatelessUnit Of(RoleConnection role, ReplicatedSessionFactories factories) =>
        new(role, factories.OpenStateless(role.Role, role.Connection), factories);

    public override bool HasPendingChanges => false;

    public override void Opened() => _factories.Hooks.Opened(Session, Role);

    public override async ValueTask BeforeCommit(bool async, CancellationToken cancellationToken)
    {
        if (!IsUsable)
        {
            return;
        }

        if (Transaction is { IsActive: true } transaction)
        {
            await transaction.BeforeCompletion(async, cancellationToken);
        }
        else if (async)
        {
            // A batched statement waits in the batcher; on a slave it was refused when it was prepared.
            await base.Session.Batcher.ExecuteBatchAsync(cancellationToken);
        }
        else
        {
            base.Session.Batcher.ExecuteBatch();
        }
    }

    protected override void Close() => Session.Dispose();
}
