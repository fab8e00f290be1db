using System.Globalization;

namespace Npgsql;

/// <summary>A column of an answer: always the same value, or what was asked for, or what its server is.</summary>
internal sealed class Column(Type type, object fixedValue, ColumnSource source)
{
    private static readonly (string Part, Func<string, Column> Make)[] Functions =
    [
        ("pg_current_xact_id_if_assigned() is not null", _ => Always(true)),
        ("txid_current_if_assigned() is not null", _ => Always(true)),
        ("backend_xid", _ => Always(true)),
        ("system_identifier", e => Text(e) ? Always("7300000000000000001") : Always(7300000000000000001L)),
        ("wal_block_size", e => Text(e) || !e.Contains("cast", StringComparison.Ordinal) ? Always("8192") : Always(8192)),
        ("pg_walfile_name", _ => Always("000000010000000000000003")),
        ("received_tli", _ => Always(1)),
        ("timeline_id", _ => Always(1)),
        ("wal_insert_lsn", _ => Always("0/3000128")),
        ("wal_lsn", _ => Always("0/3000128")),
        ("wal_replay_lsn", _ => Always("0/3000128")),
        ("replay_timestamp", _ => Always(0.01)),
        ("pg_is_in_recovery", _ => new Column(typeof(bool), false, ColumnSource.IsSlave)),
        ("transaction_read_only", e => Text(e) || e.Contains("current_setting", StringComparison.Ordinal) && !e.Contains('=', StringComparison.Ordinal) ? new Column(typeof(string), "off", ColumnSource.IsSlave) : new Column(typeof(bool), false, ColumnSource.IsSlave)),
        ("server_version_num", e => Text(e) ? Always("150000") : Always(150000)),
        ("version()", _ => Always("PostgreSQL 15.0 in memory")),
        ("pg_backend_pid", _ => Always(4711)),
        ("inet_server_port", _ => Always(5432)),
    ];

    public Type Type => type;

    public static Column Of(string expression, string sql)
    {
        var text = expression.ToLowerInvariant();
        var name = text[(text.LastIndexOf('.') + 1)..];
        return (name, int.TryParse(text, CultureInfo.InvariantCulture, out var number)) switch
        {
            ("id", _) => new Column(typeof(Guid), Guid.Empty, ColumnSource.Argument),
            ("title", _) => Always("A post"),
            ("body", _) => Always("Some words that make it as long as a short message is."),
            ("written", _) => Always(DateTime.UnixEpoch),
            (_, true) => Always(number),
            _ => Array.Find(Functions, f => text.Contains(f.Part, StringComparison.Ordinal)).Make?.Invoke(text)
                ?? throw new NotSupportedException($"This server in memory does not know '{expression}' of: {sql}"),
        };
    }

    public object Value(object? argument, bool isSlave) => source switch
    {
        ColumnSource.Argument => argument ?? fixedValue,
        ColumnSource.IsSlave => fixedValue is string ? (isSlave ? "on" : "off") : isSlave ? Boxed.True : Boxed.False,
        _ => fixedValue,
    };

    private static Column Always<T>(T value)
        where T : notnull => new(typeof(T), value, ColumnSource.Fixed);

    private static bool Text(string expression) => expression.Contains("as text", StringComparison.Ordinal) || expression.Contains("::text", StringComparison.Ordinal);

    private static class Boxed
    {
        public static readonly object True = true;
        public static readonly object False = false;
    }
}

internal enum ColumnSource
{
    Fixed,
    Argument,
    IsSlave,
}
