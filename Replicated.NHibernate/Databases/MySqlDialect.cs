using System.Data.Common;
using System.Runtime.CompilerServices;

namespace Replicated.NHibernate.Databases;

/// <summary>Which server it is; the two differ in how they count transactions.</summary>
internal enum MySqlKind
{
    /// <summary>Nobody has asked the server yet.</summary>
    Unknown,

    MariaDb,

    MySql,
}

/// <summary>MariaDB 10.5 and MySQL 8.0 and later, through MySqlConnector or whatever wraps it.</summary>
/// <param name="takesKeywords">Whether connection strings take MySqlConnector's keywords.</param>
/// <param name="kind">What the server has said.</param>
internal sealed class MySqlDialect(bool takesKeywords, MySqlKind kind = MySqlKind.Unknown) : DatabaseDialect
{
    // The number of a session's last transaction, as it was told last; a connection that comes from the pool is another object, and has none.
    private static readonly ConditionalWeakTable<DbConnection, string> Told = [];

    public override string Name => kind switch
    {
        MySqlKind.MariaDb => "MariaDB",
        MySqlKind.MySql => "MySQL",
        _ => "MariaDB or MySQL",
    };

    public override SqlSyntax Syntax => SqlSyntax.MySql;

    public override ReplicationPositions? Positions { get; } = kind switch
    {
        MySqlKind.MariaDb => new MariaDbPositions(),
        MySqlKind.MySql => new MySqlPositions(),
        _ => null,
    };

    // The provider resets a session that comes from its pool, so this is said at each lease.
    public override string MakeReadOnly => "set session transaction read only";

    public override bool IsReadOnlyRefusal(DbException e) => MySqlErrors.IsReadOnlyRefusal(e);

    public override bool TellsWrites(ReplicationPositions? positions) => kind == MySqlKind.MariaDb && positions is MariaDbPositions;

    public override DatabaseDialect Confirmed(string? version) =>
        version is null ? this : new MySqlDialect(takesKeywords, version.Contains("MariaDB", StringComparison.OrdinalIgnoreCase) ? MySqlKind.MariaDb : MySqlKind.MySql);

    public override string ReadOnlyConnectionString(string connectionString, bool readOnlySwitch) =>
        takesKeywords ? MySqlConnectionStrings.ReadOnly(connectionString) : connectionString;

    public override string ProbeConnectionString(string readOnly) => takesKeywords ? MySqlConnectionStrings.ForProbes(readOnly) : readOnly;

    public override string? AddressOf(string connectionString) => takesKeywords ? MySqlConnectionStrings.AddressOf(connectionString) : null;

    public override string? Contradiction(string connectionString, bool isSlave, bool readOnlySwitch) =>
        takesKeywords ? MySqlConnectionStrings.Contradiction(connectionString) : null;

    public override async ValueTask<Committed> Commit(DbConnection connection, DbTransaction transaction, ReplicationPositions? positions, bool async)
    {
        await base.Commit(connection, transaction, positions, async);
        if (!TellsWrites(positions))
        {
            return default;
        }

        try
        {
            using var command = connection.CreateCommand();
            command.CommandText = MariaDbPositions.OwnLast;
            var last = (async ? await command.ExecuteScalarAsync(CancellationToken.None) : command.ExecuteScalar()) as string ?? "";
            var wrote = last.Length > 0 && !(Told.TryGetValue(connection, out var before) && before == last);
            Told.AddOrUpdate(connection, last);
            return new Committed(wrote, wrote ? GtidText.MariaDb(last) : null);
        }
        catch (Exception e) when (e is DbException or InvalidOperationException)
        {
            // The commit stands; what it wrote nobody can tell any more.
            return new Committed(Wrote: true, Position: null);
        }
    }

    public override FailureClass Classify(in Failure failure) => MySqlErrors.Classify(failure);
}
