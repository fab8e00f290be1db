using NHibernate;
using NHibernate.Engine;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Sessions;

internal sealed class StatefulUnit : SessionUnit
{
    public StatefulUnit(RoleConnection role, ReplicatedSessionFactories factories)
        : base(role)
    {
        var builder = factories.BuilderOf(role.Role);
        Session = role.Role == DatabaseRole.Slave && factories.SlaveSharesCache
            ? Opened(builder, static b => Reading(b.OpenSession()), static s => s.GetSessionImplementation())
            : Opened(builder, static b => b.OpenSession(), static s => s.GetSessionImplementation());
    }

    public new ISession Session { get; }

    public override bool IsUsable => Session.IsOpen;

    public override bool HasPendingChanges
    {
        get
        {
            if (!IsUsed || !Session.IsOpen)
            {
                return false;
            }

            try
            {
                return (HoldsAnything && IsDirty(Session)) || Sharing?.Any(static s => s is ISession session && IsDirty(session)) == true;
            }
            catch (Exception)
            {
                // Finding out met a refused write, which is a pending change, or threw in the application's own code, which nobody can tell.
                return true;
            }

            static bool IsDirty(ISession session) => session.FlushMode != FlushMode.Manual && session.IsDirty();
        }
    }

    private bool HoldsAnything
    {
        get
        {
            var context = base.Session.PersistenceContext;
            return context.EntityEntries.Count > 0 || context.CollectionEntries.Count > 0;
        }
    }

    public override ValueTask BeforeCommit(bool async, CancellationToken cancellationToken) =>
        !IsUsable ? ValueTask.CompletedTask
        : Transaction is { IsActive: true } transaction ? transaction.BeforeCompletion(async, cancellationToken)
        : IsUsed && (HoldsAnything || Sharing is not null) ? FlushAll(async, cancellationToken)
        : ValueTask.CompletedTask;

    // The factory puts nothing anyway; this spares a remote store what is asked before a put. Set while the session is opened: later it counts as used.
    private static ISession Reading(ISession session)
    {
        session.CacheMode = CacheMode.Get;
        return session;
    }

    // Without a transaction nothing ever flushes, so nothing would ever refuse what was changed.
    private async ValueTask FlushAll(bool async, CancellationToken cancellationToken)
    {
        if (HoldsAnything)
        {
            await Flush(base.Session);
        }

        if (Sharing is { } sharing)
        {
            foreach (var session in sharing)
            {
                await Flush(session);
            }
        }

        async ValueTask Flush(ISessionImplementor session)
        {
            if (async)
            {
                await session.FlushBeforeTransactionCompletionAsync(cancellationToken);
            }
            else
            {
                session.FlushBeforeTransactionCompletion();
            }
        }
    }

    public override void Forget()
    {
        if (IsUsable)
        {
            Session.Clear();
            foreach (var session in (Sharing ?? []).OfType<ISession>())
            {
                session.Clear();
            }
        }
    }

    public override void Closing()
    {
        // In the middle of the work: the statements that ran are committed with it, what was not flushed would vanish.
        if (!IsClosed && !Role.Scope.IsEnded && !Role.Scope.IsSealed && HasPendingChanges)
        {
            Role.NoteLoss(Role.Role == DatabaseRole.Slave
                ? SlaveWriteException.Of("the closing of a session with changes that were not flushed", WriteLayer.Flush, Role)
                : new InvalidOperationException(
                    $"The session of {Role.Scope.Work} was closed with changes that were not flushed. Do not dispose an injected or current session; the scope does."));
        }

        base.Closing();
    }

    protected override void Close() => Session.Dispose();
}

internal sealed class StatelessUnit : SessionUnit
{
    public StatelessUnit(RoleConnection role, ReplicatedSessionFactories factories)
        : base(role) =>
        Session = Opened(factories.Of(role.Role), static f => f.OpenStatelessSession(), static s => s.GetSessionImplementation());

    public new IStatelessSession Session { get; }

    public override bool IsUsable => Session.IsOpen;

    public override bool HasPendingChanges => false;

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
