using System.Data;
using System.Data.Common;

namespace Replicated.NHibernate.Databases;

/// <summary>SQLite through Microsoft.Data.Sqlite, or whatever wraps it. A slave is a copy of the file that somebody keeps up to date; nothing tells how far it is.</summary>
/// <param name="takesKeywords">Whether connection strings take Microsoft.Data.Sqlite's keywords.</param>
internal sealed class SqliteDialect(bool takesKeywords) : DatabaseDialect
{
    private const int ReadOnlyFile = 8;

    public override string Name => "SQLite";

    // One that reads the file.
    public override string ProbeQuery => "select count(*) from sqlite_master";

    public override bool HasFunctionsThatWrite => false;

    public override bool SwitchesByConnectionString => takesKeywords;

    /// <summary>A transaction in SQLite sees one moment at any level; the provider knows this one by no other name.</summary>
    public override IsolationLevel SnapshotLevel => IsolationLevel.Serializable;

    public override string IsolatedWorkRefusal =>
        "SQLite has one writer, which is this transaction, so a number cannot be taken from a table in another one. Use identity, native, guid.comb or increment instead of hilo, or take the number from a unit of work of its own.";

    // The provider begins this one level without taking the lock of the only writer.
    public override IsolationLevel LevelToBegin(IsolationLevel level, bool onlyReads) => onlyReads ? IsolationLevel.ReadUncommitted : level;

    public override bool IsReadOnlyRefusal(DbException e) => SqliteErrors.CodeOf(e) is { } code && (code & 0xff) == ReadOnlyFile;

    public override string MasterConnectionString(string connectionString) => takesKeywords ? SqliteConnectionStrings.Master(connectionString) : connectionString;

    public override string ReadOnlyConnectionString(string connectionString, bool readOnlySwitch) =>
        takesKeywords ? SqliteConnectionStrings.ReadOnly(connectionString, readOnlySwitch) : connectionString;

    public override string ProbeConnectionString(string readOnly) => takesKeywords ? SqliteConnectionStrings.ForProbes(readOnly) : readOnly;

    public override string? Contradiction(string connectionString, bool isSlave, bool readOnlySwitch) =>
        takesKeywords ? SqliteConnectionStrings.Contradiction(connectionString, isSlave) : null;

    public override FailureClass Classify(in Failure failure) => SqliteErrors.Classify(failure) ?? base.Classify(failure);
}
