using System.Data.Common;
using System.Globalization;

namespace Replicated.NHibernate.Databases;

/// <summary>PostgreSQL 12 and later, through Npgsql or whatever wraps it.</summary>
/// <param name="takesKeywords">Whether connection strings take Npgsql's keywords.</param>
internal sealed class PostgreSqlDialect(bool takesKeywords) : DatabaseDialect
{
    public override string Name => "PostgreSQL";

    public override SqlSyntax Syntax => SqlSyntax.PostgreSql;

    public override ReplicationPositions Positions { get; } = new PostgreSqlPositions();

    public override bool SwitchesByConnectionString => takesKeywords;

    public override string MakeReadOnly => "set default_transaction_read_only = on";

    public override string MakeTransactionReadOnly => "set transaction read only";

    // A standby is read-only whatever the setting says, until it is promoted; so the setting is what is asked for.
    public override string IsReadOnlyQuery => "show default_transaction_read_only";

    public override string HasWrittenQuery => CommitInOneTrip.HasWritten;

    public override string BackendQuery => "select cast(pg_backend_pid() as bigint)";

    public override bool TellsFailedTransactions => true;

    public override bool TellsWrites(ReplicationPositions? positions) => true;

    public override string ReadOnlyConnectionString(string connectionString, bool readOnlySwitch) =>
        takesKeywords ? NpgsqlConnectionStrings.ReadOnly(connectionString, readOnlySwitch) : connectionString;

    public override string PreparingConnectionString(string connectionString) =>
        takesKeywords ? NpgsqlConnectionStrings.Preparing(connectionString) : connectionString;

    public override string ProbeConnectionString(string readOnly) => takesKeywords ? NpgsqlConnectionStrings.ForProbes(readOnly) : readOnly;

    public override string? Contradiction(string connectionString, bool isSlave, bool readOnlySwitch) =>
        takesKeywords ? NpgsqlConnectionStrings.Contradiction(connectionString, isSlave, readOnlySwitch) : null;

    public override string? AddressOf(string connectionString) => NpgsqlHosts.AddressOf(connectionString);

    public override string[] SplitHosts(string connectionString) => takesKeywords ? NpgsqlHosts.Split(connectionString) : [connectionString];

    public override string MasterConnectionString(string connectionString) => takesKeywords ? NpgsqlHosts.Master(connectionString) : connectionString;

    // It has an id of its own as soon as it has written something, or locked a row.
    public override string BackendHasWrittenQuery(long backend) => string.Create(
        CultureInfo.InvariantCulture, $"select exists (select 1 from pg_stat_activity where pid = {backend} and backend_xid is not null)");

    public override ValueTask<Committed> Commit(DbConnection connection, DbTransaction transaction, ReplicationPositions? positions, bool async) =>
        CommitInOneTrip.Run(connection, transaction, positions, async);

    public override async Task<HistoryProof?> WriteProof(DbConnection master, CancellationToken cancellationToken) => await CommitSignature.Write(master, cancellationToken);

    // PgBouncer's word; it has no code of its own.
    public override string? RemedyOf(Exception failure) => failure is DbException { SqlState: "08P01" } && failure.Message.Contains("startup parameter", StringComparison.Ordinal)
        ? "a pooler in between refuses startup options: set ignore_startup_parameters = options there, or Replicated:ReadOnlySwitch to false"
        : null;

    public override FailureClass Classify(in Failure failure) => PostgreSqlErrors.Classify(failure);
}
