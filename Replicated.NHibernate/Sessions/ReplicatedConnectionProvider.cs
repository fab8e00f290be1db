using System.Data.Common;
using NHibernate.Connection;
using NHibernate.Driver;
using NHibernate.Impl;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Scopes;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Sessions;

/// <summary>
/// Gives connections to sessions that the application opened by itself, and to work outside a scope's transaction; those of a scope are opened on its own. They are
/// guarded alike, and connect with their first statement. Thread-safe.
/// </summary>
internal abstract class ReplicatedConnectionProvider : DriverConnectionProvider
{
    private DatabaseProvider? _provider;
    private DatabaseDialect? _expected;

    /// <summary>The role of the factory. Told by the class, because the schema of hibernate.cfg.xml knows no property of ours.</summary>
    public abstract DatabaseRole Role { get; }

    /// <summary>The connection string of the factory's configuration, which sessions outside routing use.</summary>
    public string? OwnConnectionString => ConnectionString;

    /// <summary>The factory's configuration asked for a cache shared by both roles.</summary>
    public bool AsksForSharedCache { get; private set; }

    /// <summary>Set where the factory is registered. NHibernate's schema tools make a provider of their own, which gives them the driver's connections.</summary>
    public bool IsRouted { get; set; }

    /// <summary>The database through the factory's driver, for callers that connect beside NHibernate.</summary>
    public DatabaseProvider Database => _provider ??= new(
        connectionString =>
        {
            var connection = Chosen.CreateConnection();
            connection.ConnectionString = connectionString;
            return connection;
        },
        (level, connection) => Chosen.BeginTransaction(level, connection),
        _expected);

    private IDriver Chosen => ((ReplicatedDriver)Driver).Inner;

    public override void Configure(IDictionary<string, string> settings)
    {
        AsksForSharedCache = SharedCache.IsAsked(settings);
        // Until a server has said what it is.
        _expected = DialectGuess.Expected(settings.TryGetValue(Environment.Dialect, out var dialect) ? dialect : null);
        base.Configure(settings);
    }

    public override DbConnection GetConnection(string connectionString) => IsRouted ? Separate(connectionString) : base.GetConnection(connectionString);

    public override Task<DbConnection> GetConnectionAsync(string connectionString, CancellationToken cancellationToken) =>
        IsRouted ? Task.FromResult<DbConnection>(Separate(connectionString)) : base.GetConnectionAsync(connectionString, cancellationToken);

    public override void CloseConnection(DbConnection conn)
    {
        if (conn is RoutedConnection { Target: var target })
        {
            (target as SeparateTarget)?.Close();
            return;
        }

        base.CloseConnection(conn);
    }

    protected override void ConfigureDriver(IDictionary<string, string> settings)
    {
        if (!settings.TryGetValue(Environment.ConnectionDriver, out var chosen))
        {
            base.ConfigureDriver(settings);
            return;
        }

        base.ConfigureDriver(new Dictionary<string, string>(settings, StringComparer.Ordinal)
        {
            [ReplicatedDriver.ChosenProperty] = chosen,
            [Environment.ConnectionDriver] = typeof(ReplicatedDriver).AssemblyQualifiedName!,
        });
    }

    /// <summary>The connection string for a session that the application opened by itself.</summary>
    protected virtual string OutsideRouting(string connectionString) => connectionString;

    /// <summary>Whether such a session is to be read-only by the database's own mode.</summary>
    protected virtual bool IsReadOnly => false;

    private RoutedConnection Separate(string connectionString) =>
        ReplicatedTransactionFactory.IsolatedFrom is { } role ? new(role.Separate())
        : Reconnected() ?? new(new SeparateTarget(Database, OutsideRouting(connectionString), Role, isReadOnly: IsReadOnly));

    // A scope's session asks only after Disconnect() and Reconnect(), and gets its connection again. NHibernate names it nowhere else.
    private static RoutedConnection? Reconnected()
    {
        if (SessionIdLoggingContext.SessionId is not { } id || AmbientScope.Current?.Scope is not { } scope)
        {
            return null;
        }

        return Of(scope.Connection(DatabaseRole.Slave), id) ?? Of(scope.Connection(DatabaseRole.Master), id);

        static RoutedConnection? Of(RoleConnection? role, Guid session) =>
            role?.Units.Any(u => u is SessionUnit unit && unit.Is(session)) == true ? role.Connection : null;
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
    private bool _isReadOnly;

    public override DatabaseRole Role => DatabaseRole.Slave;

    /// <summary>Such sessions get the database's read-only switch too.</summary>
    public void UseSwitch(bool readOnlySwitch) =>
        (_isReadOnly, _readOnly) = (readOnlySwitch, Database.Dialect.ReadOnlyConnectionString(ConnectionString, readOnlySwitch));

    protected override bool IsReadOnly => _isReadOnly;

    protected override string OutsideRouting(string connectionString) => connectionString == ConnectionString ? _readOnly ?? connectionString : connectionString;
}
