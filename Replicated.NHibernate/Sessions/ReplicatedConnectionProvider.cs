using System.Data.Common;
using System.Runtime.CompilerServices;
using NHibernate.AdoNet;
using NHibernate.Connection;
using NHibernate.Driver;
using NHibernate.Hql;
using NHibernate.Hql.Ast.ANTLR;
using NHibernate.Impl;
using NHibernate.Util;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Scopes;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Sessions;

/// <summary>
/// Gives a routed session the connection of its scope, and takes it back without closing it, so that a scope stays on one server
/// whatever NHibernate's release mode. A session that the application opened by itself gets a connection of its own. Thread-safe.
/// </summary>
internal abstract class ReplicatedConnectionProvider : DriverConnectionProvider
{
    /// <summary>The batcher factory that the application chose, which ours works through.</summary>
    public const string BatcherFactoryProperty = "replicated.adonet.factory_class";

    /// <summary>The factory of query translators that the application chose, which ours works through.</summary>
    public const string QueryTranslatorProperty = "replicated.query.factory_class";

    // Connections that belong to a scope, which gives them back itself.
    private static readonly ConditionalWeakTable<DbConnection, RoleConnection> Lent = new();

    private IBatcherFactory? _batchers;
    private IQueryTranslatorFactory? _translators;
    private string? _batcherClass;
    private string? _translatorClass;
    private bool _batches;

    /// <summary>The role of the factory. Told by the class, because the schema of hibernate.cfg.xml knows no property of ours.</summary>
    public abstract DatabaseRole Role { get; }

    /// <summary>The connection string of the factory's configuration, which sessions outside routing use.</summary>
    public string? OwnConnectionString => ConnectionString;

    /// <summary>The factory's configuration asked for a cache shared by both roles.</summary>
    public bool AsksForSharedCache { get; private set; }

    /// <summary>Set where the factory is registered. NHibernate's schema tools make a provider of their own, which no scope's session uses.</summary>
    public bool IsRouted { get; set; }

    /// <summary>What makes the batchers that ours work through: the application's choice, or the driver's.</summary>
    public IBatcherFactory Batchers => _batchers ??= (IBatcherFactory)Environment.ObjectsFactory.CreateInstance(
        _batcherClass is not null ? ReflectHelper.ClassForName(_batcherClass)
        : _batches && Driver is IEmbeddedBatcherFactoryProvider { BatcherFactoryClass: { } embedded } ? embedded
        : typeof(NonBatchingBatcherFactory));

    /// <summary>What makes the query translators that the guard works through: the application's choice, or NHibernate's.</summary>
    public IQueryTranslatorFactory Translators => _translators ??= (IQueryTranslatorFactory)Environment.ObjectsFactory.CreateInstance(
        _translatorClass is not null ? ReflectHelper.ClassForName(_translatorClass) : typeof(ASTQueryTranslatorFactory));

    /// <summary>The database through the factory's driver, for whoever connects beside NHibernate.</summary>
    public DatabaseProvider CreateProvider() => new(
        connectionString =>
        {
            var connection = Driver.CreateConnection();
            connection.ConnectionString = connectionString;
            return connection;
        },
        (level, connection) => Driver is DriverBase driver ? driver.BeginTransaction(level, connection) : connection.BeginTransaction(level));

    public override void Configure(IDictionary<string, string> settings)
    {
        settings.TryGetValue(BatcherFactoryProperty, out _batcherClass);
        settings.TryGetValue(QueryTranslatorProperty, out _translatorClass);
        AsksForSharedCache = SharedCache.IsAsked(settings);
        _batches = PropertiesHelper.GetInt32(Environment.BatchSize, settings, 0) > 0;
        base.Configure(settings);
    }

    public override DbConnection GetConnection(string connectionString)
    {
        if (Find() is not { } role)
        {
            return base.GetConnection(OutsideRouting(connectionString));
        }

        return ReplicatedTransactionFactory.IsIsolated
            ? role.OpenSeparate(async: false, CancellationToken.None).AsTask().GetAwaiter().GetResult()
            : Begun(role, role.Connect(async: false, CancellationToken.None).AsTask().GetAwaiter().GetResult());
    }

    public override async Task<DbConnection> GetConnectionAsync(string connectionString, CancellationToken cancellationToken)
    {
        if (Find() is not { } role)
        {
            return await base.GetConnectionAsync(OutsideRouting(connectionString), cancellationToken);
        }

        return ReplicatedTransactionFactory.IsIsolated
            ? await role.OpenSeparate(async: true, cancellationToken)
            : Begun(role, await role.Connect(async: true, cancellationToken));
    }

    public override void CloseConnection(DbConnection conn)
    {
        // Known by itself: whoever disposes a session, such as the container, need not be in its scope any more.
        if (!Lent.TryGetValue(conn, out _))
        {
            base.CloseConnection(conn);
        }
    }

    /// <summary>The connection string for a session that the application opened by itself.</summary>
    protected virtual string OutsideRouting(string connectionString) => connectionString;

    /// <summary>
    /// The scope of the session that NHibernate says it works for; if that one is not routed, no other may be taken for it. A bare session.Connection
    /// says nothing: then what was opened last is named, which may be the scope's session of the other role, or one that is closed.
    /// </summary>
    public static Scope? ScopeOfTheSession() =>
        SessionIdLoggingContext.SessionId is { } id && SessionIds.TryFind(id, out var unit) ? unit?.Role.Scope : AmbientScope.Current?.Scope;

    private RoleConnection? Find() => IsRouted ? ScopeOfTheSession()?.Connection(Role) : null;

    // What the application does with session.Connection by itself is in the transaction too, whether it enlists its commands or not.
    private static DbConnection Begun(RoleConnection role, DbConnection connection)
    {
        Lent.TryAdd(connection, role);
        role.Enlist();
        return connection;
    }
}

/// <summary>The <c>connection.provider</c> of the master's factory.</summary>
internal sealed class MasterConnectionProvider : ReplicatedConnectionProvider
{
    public override DatabaseRole Role => DatabaseRole.Master;
}

/// <summary>The <c>connection.provider</c> of the slaves' factory.</summary>
internal sealed class SlaveConnectionProvider : ReplicatedConnectionProvider
{
    private string? _readOnly;

    public override DatabaseRole Role => DatabaseRole.Slave;

    /// <summary>Such sessions get the database's read-only switch too.</summary>
    public void UseSwitch(bool readOnlySwitch) => _readOnly = CreateProvider().Dialect.ReadOnlyConnectionString(ConnectionString, readOnlySwitch);

    protected override string OutsideRouting(string connectionString) => connectionString == ConnectionString ? _readOnly ?? connectionString : connectionString;
}
