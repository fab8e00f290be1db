using System.Data.Common;
using System.Globalization;

namespace Replicated.NHibernate;

/// <summary>PostgreSQL 10 and later: the timeline and the LSN of the write-ahead log. Needs no privileges.</summary>
public sealed class PostgreSqlPositions : ReplicationPositions
{
    // The end of the last record is what a slave replays up to. Where it is the end of a page, the server names the place behind the
    // next page's header instead (24 bytes, 40 in a segment's first page), which an idle master never sends. No record ends at the end
    // of a page and none fits before these places, so the page's beginning says the same.
    private const ulong LongHeader = 40;

    // It stands behind every COMMIT that may have written. Only the timeline is taken of the second answer; a subquery that asked once would cost the server half as much again.
    private const string Own =
        "select cast(pg_current_wal_insert_lsn() as text), pg_walfile_name(pg_current_wal_insert_lsn()), cast(current_setting('wal_block_size') as int)";

    // A server that is not in recovery has everything that it will ever show: a database without slaves, or a slave that was promoted.
    // The receiver's timeline shows to members of pg_read_all_stats, and changes with the first record that it gets of a new one; the last restart point's may be behind for
    // an hour. So what a slave says is the least that it follows.
    private const string Replayed =
        "case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end";

    private const string Timeline =
        "case when pg_is_in_recovery() then lpad(to_hex(coalesce((select received_tli from pg_stat_wal_receiver), (select timeline_id from pg_control_checkpoint()))), 8, '0') "
        + "else pg_walfile_name(pg_current_wal_insert_lsn()) end";

    // A setting that the session brought along, as those of slave role do, says nothing of the server.
    private const string RefusesWrites =
        "case when not pg_is_in_recovery() and current_setting('default_transaction_read_only') = 'on' "
        + "then coalesce((select source <> 'client' from pg_settings where name = 'default_transaction_read_only'), false) else false end";

    // Two servers that were started in the same microsecond have different ports, or different clusters.
    private const string Server =
        "cast(cast(extract(epoch from pg_postmaster_start_time()) * 1000000 as bigint) as text) || ':' || current_setting('port'), "
        + "coalesce(host(inet_server_addr()), 'local') || ':' || current_setting('port')";

    /// <inheritdoc />
    public override string MasterQuery => Own;

    /// <inheritdoc />
    public override string StatusQuery => $"select cast({Replayed} as text), {Timeline}, cast(current_setting('wal_block_size') as int), "
        + "pg_is_in_recovery(), cast(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) as float8), "
        + $"{RefusesWrites}, {Server}";

    /// <inheritdoc />
    public override string StatusWithoutPositionQuery =>
        $"select cast(null as text), cast(null as text), 0, pg_is_in_recovery(), cast(null as float8), {RefusesWrites}, {Server}";

    /// <inheritdoc />
    public override string ClusterQuery => "select cast(system_identifier as text) from pg_control_system()";

    /// <inheritdoc />
    public override string WaitQuery(Position wanted, TimeSpan atMost)
    {
        var lsn = string.Create(CultureInfo.InvariantCulture, $"{wanted.Offset >> 32:X}/{(uint)wanted.Offset:X}");
        var milliseconds = ((long)atMost.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
        // A row for each time it looked, a millisecond apart, until it is there or the time is over: the newest one counts.
        return "with recursive p(lsn, slept) as ("
            + $"select {Replayed}, cast(null as text) union all "
            + $"select case when cast(pg_sleep(0.001) as text) = '' then {Replayed} end, null from p "
            + $"where lsn < '{lsn}' and clock_timestamp() < statement_timestamp() + interval '{milliseconds} ms') "
            + $"select cast(lsn as text), {Timeline}, cast(current_setting('wal_block_size') as int) from (select lsn from p order by lsn desc nulls last limit 1) n";
    }

    /// <inheritdoc />
    public override Position? Read(DbDataReader row)
    {
        ArgumentNullException.ThrowIfNull(row);
        if (row.IsDBNull(0) || row.IsDBNull(1) || row.GetString(0).Split('/') is not [var high, var low]
            || !uint.TryParse(high, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var upper)
            || !uint.TryParse(low, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var lower)
            || row.GetString(1) is not { Length: >= 8 } file
            || !uint.TryParse(file.AsSpan(0, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var timeline))
        {
            return null;
        }

        var lsn = ((ulong)upper << 32) | lower;
        var inPage = lsn % (ulong)row.GetInt32(2);
        return new Position(timeline, inPage <= LongHeader ? lsn - inPage : lsn);
    }

    /// <inheritdoc />
    public override ReplicationStatus ReadStatus(DbDataReader row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return new ReplicationStatus(row.GetBoolean(3), Read(row), row.IsDBNull(4) ? null : TimeSpan.FromSeconds(row.GetDouble(4)))
        {
            RefusesWrites = row.GetBoolean(5),
            Server = new ServerIdentity(Cluster: null, row.GetString(6), row.GetString(7)),
        };
    }

    /// <inheritdoc />
    public override bool LogsContinue => true;

    /// <inheritdoc />
    /// <remarks>A slave that follows a newer timeline has what it shares with the older one; one that stayed behind has nothing of the newer.</remarks>
    public override bool IsReached(Position wanted, Position replayed) => replayed.Log >= wanted.Log && replayed.Offset >= wanted.Offset;
}
