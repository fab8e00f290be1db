using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Scopes;

/// <summary>What is said at the end of work on the master.</summary>
internal static class ScopeRemarks
{
    /// <summary>Of what nobody will write any more.</summary>
    /// <param name="master">The scope's work on the master.</param>
    /// <param name="isMeant">Whether it is meant to be lost.</param>
    public static void Lost(RoleConnection master, bool isMeant)
    {
        var (host, logger) = (master.Scope, master.Scope.Services.Logger);
        if (isMeant)
        {
            return;
        }

        if (host.IsSealed && master.HasPendingChanges)
        {
            logger.ChangedAfterCommit(host.Work.ToString());
        }
        else if (!host.IsSealed && master.IsInTransaction && (master.HasUncommittedWrites || master.HasPendingChanges))
        {
            logger.UncommittedWritesRolledBack(host.Work.ToString());
        }
    }

    /// <summary>Of a read-only verb that wrote on the master while the switch is off: on a slave it would fail.</summary>
    public static void Audit(RoleConnection master)
    {
        if (master is { Wrote: true, Changes: { } changes })
        {
            master.Scope.Services.Logger.WroteWithReadOnlyVerb(master.Scope.Work.ToString(), changes.ToString());
        }
    }
}
