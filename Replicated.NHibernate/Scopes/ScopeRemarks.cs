using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Scopes;

/// <summary>What is said at the end of work on the master.</summary>
internal static class ScopeRemarks
{
    public static void ChangedAfterCommit(RoleConnection master, bool isMeant)
    {
        if (isMeant && master.HasPendingChanges)
        {
            master.Scope.Services.Logger.ChangedAfterCommit(master.Scope.Work.ToString());
        }
    }

    public static void NotCommitted(RoleConnection master, bool isMeant)
    {
        if (isMeant && master.IsInTransaction && (master.HasUncommittedWrites || master.HasPendingChanges))
        {
            master.Scope.Services.Logger.UncommittedWritesRolledBack(master.Scope.Work.ToString());
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
