using NHibernate.AdoNet;
using NHibernate.Driver;
using NHibernate.Engine;

namespace Replicated.NHibernate;

/// <summary>
/// NHibernate's driver for MariaDB and MySQL through the package MySqlConnector, which NHibernate itself has none for: with FluentNHibernate
/// <c>MySQLConfiguration.Standard.Driver&lt;MySqlConnectorDriver&gt;()</c>, else the property <c>connection.driver_class</c>. Thread-safe.
/// </summary>
public sealed class MySqlConnectorDriver() : ReflectionBasedDriver("MySqlConnector", "MySqlConnector", "MySqlConnector.MySqlConnection", "MySqlConnector.MySqlCommand")
{
    /// <inheritdoc />
    public override bool UseNamedPrefixInSql => true;

    /// <inheritdoc />
    public override bool UseNamedPrefixInParameter => true;

    /// <inheritdoc />
    public override string NamedPrefix => "?";

    /// <inheritdoc />
    public override bool SupportsMultipleOpenReaders => false;

    /// <inheritdoc />
    public override bool SupportsMultipleQueries => true;

    /// <inheritdoc />
    public override bool RequiresTimeSpanForTime => true;

    /// <inheritdoc />
    public override IResultSetsCommand GetResultSetsCommand(ISessionImplementor session) => new BasicResultSetsCommand(session);

    /// <inheritdoc />
    protected override bool SupportsPreparingCommands => false;
}
