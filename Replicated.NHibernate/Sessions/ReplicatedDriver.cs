using System.Data;
using System.Data.Common;
using NHibernate.AdoNet;
using NHibernate.Driver;
using NHibernate.Engine;
using NHibernate.SqlCommand;
using NHibernate.SqlTypes;
using NHibernate.Util;
using Replicated.NHibernate.Scopes;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Sessions;

/// <summary>
/// The application's driver, whose commands run on routed connections. Its connections are the provider's own. The interface is implemented once more because
/// <see cref="DriverBase"/>, of which NHibernate wants a driver to be, does not let everything be overridden.
/// </summary>
internal sealed class ReplicatedDriver : DriverBase, IDriver, ISqlParameterFormatter, IEmbeddedBatcherFactoryProvider, IParameterAdjuster
{
    /// <summary>The driver that the application chose.</summary>
    public const string ChosenProperty = "replicated.connection.driver_class";

    public IDriver Inner { get; private set; } = null!;

    public Type? BatcherFactoryClass => (Inner as IEmbeddedBatcherFactoryProvider)?.BatcherFactoryClass;

    public override bool UseNamedPrefixInSql => Base?.UseNamedPrefixInSql ?? true;

    public override bool UseNamedPrefixInParameter => Base?.UseNamedPrefixInParameter ?? true;

    public override string NamedPrefix => Base?.NamedPrefix ?? "";

    public override bool SupportsMultipleOpenReaders => Inner.SupportsMultipleOpenReaders;

    public override bool SupportsMultipleQueries => Inner.SupportsMultipleQueries;

    public override bool RequiresTimeSpanForTime => Inner.RequiresTimeSpanForTime;

    public override bool SupportsSystemTransactions => Inner.SupportsSystemTransactions;

    public override bool SupportsNullEnlistment => Inner.SupportsNullEnlistment;

    public override bool SupportsEnlistmentWhenAutoEnlistmentIsDisabled => Inner.SupportsEnlistmentWhenAutoEnlistmentIsDisabled;

    public override bool HasDelayedDistributedTransactionCompletion => Inner.HasDelayedDistributedTransactionCompletion;

    public override DateTime MinDate => Inner.MinDate;

    public override bool CanCreateBatch => Inner.CanCreateBatch;

    public override int CommandTimeout => Base?.CommandTimeout ?? base.CommandTimeout;

    private DriverBase? Base => Inner as DriverBase;

    public override void Configure(IDictionary<string, string> settings)
    {
        Inner = (IDriver)Environment.ObjectsFactory.CreateInstance(ReflectHelper.ClassForName(settings[ChosenProperty]));
        var chosen = new Dictionary<string, string>(settings, StringComparer.Ordinal) { [Environment.ConnectionDriver] = settings[ChosenProperty] };
        Inner.Configure(chosen);
        base.Configure(settings);
    }

    public override DbConnection CreateConnection() => Inner.CreateConnection();

    public override DbCommand CreateCommand() => GenerateCommand(CommandType.Text, SqlString.Empty, []);

    public override DbCommand GenerateCommand(CommandType type, SqlString sqlString, SqlType[] parameterTypes) =>
        new RoutedCommand(Inner.GenerateCommand(type, sqlString, parameterTypes));

    // Who asks for the provider's command runs it without us.
    public override DbCommand UnwrapDbCommand(DbCommand command)
    {
        (command as RoutedCommand)?.BindForProvider();
        return Inner.UnwrapDbCommand(Own(command));
    }

    public override DbTransaction BeginTransaction(IsolationLevel isolationLevel, DbConnection connection) => connection is RoutedConnection
        ? connection.BeginTransaction(isolationLevel)
        : Inner.BeginTransaction(isolationLevel, connection);

    public override void ExpandQueryParameters(DbCommand cmd, SqlString sqlString, SqlType[] parameterTypes) => Inner.ExpandQueryParameters(Own(cmd), sqlString, parameterTypes);

    public override IResultSetsCommand GetResultSetsCommand(ISessionImplementor session) => Inner.GetResultSetsCommand(session);

    public override void AdjustCommand(DbCommand command) => Inner.AdjustCommand(Own(command));

    public override DbBatch CreateBatch() => new RoutedBatch(Inner.CreateBatch());

    public override DbBatchCommand CreateDbBatchCommandFromDbCommand(DbBatch dbBatch, DbCommand dbCommand) =>
        Inner.CreateDbBatchCommandFromDbCommand(Own(dbBatch), Own(dbCommand));

    public void AdjustParameterForValue(DbParameter parameter, SqlType sqlType, object value) =>
        (Inner as IParameterAdjuster)?.AdjustParameterForValue(parameter, sqlType, value);

    void IDriver.PrepareCommand(DbCommand command)
    {
        // Preparing is a statement of its own on the connection, so it needs one.
        if (IsPrepareSqlEnabled)
        {
            (command as RoutedCommand)?.BindForProvider();
        }

        Inner.PrepareCommand(Own(command));
    }

    void IDriver.PrepareBatch(DbBatch dbBatch)
    {
        if (IsPrepareSqlEnabled)
        {
            (dbBatch as RoutedBatch)?.BindForProvider();
        }

        Inner.PrepareBatch(Own(dbBatch));
    }

    DbParameter IDriver.GenerateParameter(DbCommand command, string name, SqlType sqlType) => Inner.GenerateParameter(Own(command), name, sqlType);

    void IDriver.RemoveUnusedCommandParameters(DbCommand cmd, SqlString sqlString) => Inner.RemoveUnusedCommandParameters(Own(cmd), sqlString);

    string ISqlParameterFormatter.GetParameterName(int index) =>
        Inner is ISqlParameterFormatter formatter ? formatter.GetParameterName(index) : FormatNameForSql($"p{index}");

    private static DbCommand Own(DbCommand command) => command is RoutedCommand routed ? routed.Inner : command;

    private static DbBatch Own(DbBatch batch) => batch is RoutedBatch routed ? routed.Inner : batch;
}
