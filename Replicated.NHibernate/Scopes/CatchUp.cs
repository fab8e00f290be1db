using System.Data.Common;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Routing;

namespace Replicated.NHibernate.Scopes;

/// <summary>A slave that the scope has read from already, after the scope has written: does it have the write, and what if it does not.</summary>
internal static class CatchUp
{
    /// <returns>The connection to read from, and the reason where it is another one than before.</returns>
    /// <param name="work">The slave role's.</param>
    /// <param name="opened">Its connection.</param>
    /// <param name="isExplicit">Whether a slave was asked for explicitly: then it stays there, and says that it is stale.</param>
    /// <param name="async">Whether to wait for the database without a thread.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="InvalidOperationException">The slave does not have the write, and a transaction of the application's keeps the scope there.</exception>
    public static async ValueTask<(DbConnection Connection, RouteReason? Reason)> Of(RoleWork work, NodeConnection opened, bool isExplicit, bool async, CancellationToken cancellationToken)
    {
        var (pool, host) = (work.Host.Services.Pool, work.Host);
        // What the scope has written meanwhile is not of a snapshot's moment.
        var isSnapshot = work.Snapshot is { IsPhysical: true, IsWanted: true };
        if (opened.Node.Role == DatabaseRole.Master || (!isSnapshot && await pool.HasReached(opened, host.Goal, async, cancellationToken)))
        {
            return (opened.Connection, null);
        }

        if (isExplicit || isSnapshot)
        {
            return (opened.Connection, RouteReason.Stale);
        }

        if (work.Transaction.Physical is not null)
        {
            throw ScopeErrors.ReadBesideWrite(host.Work, isCommitted: true);
        }

        // To the master only, which is never behind the slave: the scope's reads do not go back.
        await work.GiveBack(async);
        var other = await pool.OpenSlave(host.Goal with { OnlyMaster = true }, strict: false, async, cancellationToken);
        await work.Take(other, async, cancellationToken);
        work.Lease.Pin(other);
        var reason = other.Reason ?? RouteReason.Stale;
        RouteReport.Took(host, work.Role, other.Node.Name, reason);
        return (other.Connection, reason);
    }
}
