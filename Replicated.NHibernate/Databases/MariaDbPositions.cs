using System.Data.Common;
using System.Globalization;

namespace Replicated.NHibernate.Databases;

/// <summary>MariaDB 10.5 and later: a number for each transaction in each domain. The master must write a binary log.</summary>
internal sealed class MariaDbPositions : GtidPositions
{
    /// <summary>The number of the session's own last transaction that wrote.</summary>
    public const string OwnLast = "select @@last_gtid";

    private const string Replicates = "(select variable_value <> '0' from information_schema.global_status where variable_name = 'SLAVES_RUNNING')";

    // Of a slave what it has applied: its own binary log could hold what somebody wrote on it. Of any other server all that it has.
    private const string Applied = $"if(@@global.read_only or {Replicates}, @@global.gtid_slave_pos, @@global.gtid_current_pos)";

    private const string Server = "concat(@@global.server_id, ':', @@global.gtid_domain_id, ':', @@hostname, ':', @@port), concat(@@hostname, ':', @@port)";

    public override string MasterQuery => "select @@global.gtid_binlog_pos";

    public override string StatusQuery => $"select {Applied}, @@global.read_only, {Replicates}, {Server}; show all slaves status";

    protected override string Grant => "grant replica monitor on *.* to the application's user (slave monitor before MariaDB 10.5.9).";

    protected override string BehindColumn => "Seconds_Behind_Master";

    // On a server that follows nobody the wait would only run out.
    public override string WaitQuery(Position wanted, TimeSpan atMost) => string.Create(
        CultureInfo.InvariantCulture, $"do if({Replicates}, master_gtid_wait('{GtidText.MariaDb(wanted)}', {Math.Max(atMost.TotalSeconds, 0.000001):0.######}), 0); select {Applied}");

    public override Position? Read(DbDataReader row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return row.IsDBNull(0) ? null : GtidText.MariaDb(row.GetString(0));
    }
}
