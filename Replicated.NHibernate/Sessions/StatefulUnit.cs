using NHibernate;
using NHibernate.Engine;
using NHibernate.Event;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Sessions;

internal sealed class StatefulUnit : SessionUnit
{
    private readonly ReplicatedSessionFactories _factories;

    private StatefulUnit(RoleConnection role, ISession session, ReplicatedSessionFactories factories)
        : base(role, session.GetSessionImplementation()) => (Session, _factories) = (session, factories);

    public new ISession Session { get; }

    public override bool IsUsable => Session.IsOpen;

    public static StatefulUnit Of(RoleConnection role, ReplicatedSessionFactories factories)
    {
        var session = factories.Open(role);
        if (role.Role == DatabaseRole.Slave && factories.SlaveSharesCache)
        {
            // The factory puts nothing anyway; this spares a remote store what is asked before a put.
            session.CacheMode = CacheMode.Get;
        }

        if (role.Role == DatabaseRole.Slave && ChangesOn(role) != ChangesOnSlaveMode.Throw)
        {
            session.FlushMode = FlushMode.Manual;
        }

        return new StatefulUnit(role, session, factories);
    }

    public override bool HasPendingChanges
    {
        get
        {
            if (!Session.IsOpen)
            {
                return false;
            }

            if (base.Session.PersistenceContext.Flushing)
            {
                // One of the application's listeners asks, in the middle of it.
                return true;
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

    private bool IsClean => base.Session is IEventSource session && _factories.Proof.IsClean(session);

    public override void Opened() => _factories.Hooks.Opened(Session, Role);

    public override ValueTask BeforeCommit(bool async, CancellationToken cancellationToken)
    {
        if (Role.Role == DatabaseRole.Slave && IsUsable && ChangesOn(Role) == ChangesOnSlaveMode.Warn)
        {
            WarnOfChanges();
        }

        return Flushed(async, cancellationToken);
    }

    private static ChangesOnSlaveMode ChangesOn(RoleConnection role) => role.Scope.Services.Settings.Value.Options.ChangesOnSlave;

    private ValueTask Flushed(bool async, CancellationToken cancellationToken) =>
        !IsUsable ? ValueTask.CompletedTask
        : Transaction is { IsActive: true } transaction ? transaction.BeforeCompletion(async, cancellationToken)
        : Sharing is not null || (HoldsAnything && !IsClean) ? FlushAll(async, cancellationToken)
        : ValueTask.CompletedTask;

    private void WarnOfChanges()
    {
        var changes = new ChangeLog();
        var any = false;
        foreach (var changed in ChangedProperties.In((IEventSource)base.Session))
        {
            any = true;
            changes.Note(changed);
        }

        if (any)
        {
            Role.Scope.Services.Logger.ChangedOnSlave(Role.Scope.Work.ToString(), changes.ToString());
        }
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
        if (!IsEnding && !Role.Scope.IsEnded && !Role.Scope.IsSealed && HasPendingChanges)
        {
            Role.NoteLoss(new InvalidOperationException(
                $"The session of {Role.Scope.Work} was closed with changes that were not flushed. Do not dispose an injected or current session; the scope does."));
        }
    }

    protected override void Close() => Session.Dispose();
}
