using System.Data.Common;

namespace Replicated.NHibernate.Databases;

/// <summary>What MariaDB and MySQL have in common: a position is a set, a place in each of the logs that were ever written.</summary>
internal abstract class GtidPositions : ReplicationPositions
{
    private const int AccessDenied = 1227;

    /// <summary>What a user needs who is to see whether, and from whom, a server replicates.</summary>
    protected abstract string Grant { get; }

    public override bool IsReached(Position wanted, Position replayed)
    {
        foreach (var (log, offset) in wanted.Places)
        {
            if (replayed.OffsetIn(log) is not { } there || there < offset)
            {
                return false;
            }
        }

        return true;
    }

    public override Position? Union(Position one, Position other) => Position.Of(one.Places.Concat(other.Places));

    /// <summary>Columns: the position, whether the server refuses writes, whether it replicates at this moment, which server it is, its address; then the status of its replication.</summary>
    public override ReplicationStatus ReadStatus(DbDataReader row)
    {
        ArgumentNullException.ThrowIfNull(row);
        var (position, server) = (Read(row), new ServerIdentity(Cluster: null, row.GetString(3), row.GetString(4)));
        var (refusesWrites, replicates) = (Convert.ToInt64(row.GetValue(1), null) != 0, Convert.ToInt64(row.GetValue(2), null) != 0);
        try
        {
            if (!row.NextResult())
            {
                return new ReplicationStatus(refusesWrites || replicates, position, Age: null) { Server = server };
            }

            var isSlave = row.Read();
            return new ReplicationStatus(isSlave, position, isSlave ? BehindBy(row) : null) { Server = server, RefusesWrites = refusesWrites && !isSlave };
        }
        catch (DbException e) when (MySqlErrors.NumberOf(e) == AccessDenied)
        {
            // A slave that refuses writes, as it should, is known by that.
            return new ReplicationStatus(refusesWrites || replicates, position, Age: null)
            {
                Server = server,
                Unknown = $"its replica status ({AccessDenied}); whether it is a slave is told by read_only. Remedy: {Grant}",
            };
        }
    }

    protected abstract string BehindColumn { get; }

    // Null while the slave does not apply anything.
    private TimeSpan? BehindBy(DbDataReader row) =>
        row[BehindColumn] is { } seconds and not DBNull ? TimeSpan.FromSeconds(Convert.ToDouble(seconds, System.Globalization.CultureInfo.InvariantCulture)) : null;
}
