using NHibernate.Driver;
using NHibernate.Engine;

namespace Replicated.NHibernate;

/// <summary>
/// NHibernate's driver for SQLite through the package Microsoft.Data.Sqlite, which NHibernate itself has none for: with FluentNHibernate
/// <c>SQLiteConfiguration.Standard.Driver&lt;MicrosoftDataSqliteDriver&gt;()</c>, else the property <c>connection.driver_class</c>. Thread-safe.
/// </summary>
public sealed class MicrosoftDataSqliteDriver()
    : ReflectionBasedDriver("Microsoft.Data.Sqlite", "Microsoft.Data.Sqlite", "Microsoft.Data.Sqlite.SqliteConnection", "Microsoft.Data.Sqlite.SqliteCommand")
{
    /// <inheritdoc />
    public override bool UseNamedPrefixInSql => true;

    /// <inheritdoc />
    public override bool UseNamedPrefixInParameter => true;

    /// <inheritdoc />
    public override string NamedPrefix => "@";

    /// <inheritdoc />
    public override bool SupportsMultipleOpenReaders => false;

    /// <inheritdoc />
    public override bool SupportsMultipleQueries => true;

    /// <inheritdoc />
    public override bool SupportsSystemTransactions => false;

    /// <inheritdoc />
    public override IResultSetsCommand GetResultSetsCommand(ISessionImplementor session) => new BasicResultSetsCommand(session);
}
