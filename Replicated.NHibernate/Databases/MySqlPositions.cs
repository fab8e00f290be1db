using System.Data.Common;
using System.Globalization;

namespace Replicated.NHibernate.Databases;

/// <summary>MySQL 8.0.22 and later with <c>gtid_mode=ON</c>: a number for each transaction of each source.</summary>
internal sealed class MySqlPositions : GtidPositions
{
    private const string Executed = "@@global.gtid_executed";

    public override string MasterQuery => $"select {Executed}, 1";

    public override string StatusQuery => $"select {Executed}, @@global.read_only, 0, @@global.server_uuid, concat(@@hostname, ':', @@port); show replica status";

    protected override string Grant => "grant replication client on *.* to the application's user.";

    protected override string BehindColumn => "Seconds_Behind_Source";

    public override string WaitQuery(Position wanted, TimeSpan atMost) => string.Create(
        CultureInfo.InvariantCulture, $"do wait_for_executed_gtid_set('{GtidText.MySql(wanted)}', {Math.Max(atMost.TotalSeconds, 0.001):0.###}); select {Executed}");

    public override Position? Read(DbDataReader row)
    {
        ArgumentNullException.ThrowIfNull(row);
        // What the master has given is all of its numbers; of a slave only those without a gap are there for certain.
        return row.IsDBNull(0) ? null : GtidText.MySql(row.GetString(0), upToGap: row.FieldCount != 2);
    }
}
