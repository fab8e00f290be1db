using System.Collections.Concurrent;
using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Tests.Nodes;

/// <summary>Servers that can only be connected to, or not: for choosing among nodes without a database.</summary>
internal sealed class FakeServers : DbProviderFactory
{
    private readonly FakePositions _silent = new();
    private int _open;
    private int _opened;

    /// <summary>What connecting to a server throws, by its name.</summary>
    public ConcurrentDictionary<string, Func<CancellationToken, Exception>> Down { get; } = new();

    /// <summary>What connecting to a server waits for.</summary>
    public Func<string, Task> Opening { get; set; } = _ => Task.CompletedTask;

    /// <summary>How places are told; null for servers that tell none.</summary>
    public FakePositions? Positions { get; init; }

    /// <summary>How many connections are open at this moment.</summary>
    public int Open => Volatile.Read(ref _open);

    /// <summary>How many have ever been opened.</summary>
    public int Opened => Volatile.Read(ref _opened);

    public override DbConnection CreateConnection() => new Connection(this);

    public void Fails(params string[] names)
    {
        foreach (var name in names)
        {
            Down[name] = _ => new TimeoutException(name);
        }
    }

    /// <summary>A pool over a master and so many slaves, on the clock given.</summary>
    public ServiceProvider Services(int slaves, TimeProvider clock, params (string Key, string Value)[] settings) => Services(slaves, clock, _ => { }, settings);

    public ServiceProvider Services(int slaves, TimeProvider clock, Action<IServiceCollection> register, params (string Key, string Value)[] settings)
    {
        var configuration = new ConfigurationManager { ["ConnectionStrings:Master"] = "Server=master" };
        for (var i = 0; i < slaves; i++)
        {
            configuration[$"Replicated:Slaves:{i}:Name"] = $"s{i}";
            configuration[$"Replicated:Slaves:{i}:ConnectionString"] = $"Server=s{i}";
        }

        foreach (var (key, value) in settings)
        {
            configuration[key] = value;
        }

        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(configuration);
        services.AddSingleton(clock);
        if (Positions is not null)
        {
            services.AddSingleton<ReplicationPositions>(Positions);
        }

        register(services);
        services.AddReplicatedConnections(this);
        return services.BuildServiceProvider();
    }

    public NodePool Pool(int slaves, TimeProvider clock, params (string Key, string Value)[] settings) =>
        Services(slaves, clock, settings).GetRequiredService<NodePool>();

    /// <summary>The same where the servers tell places, with tokens that live for a minute.</summary>
    public static FakeServers WithPositions() => new() { Positions = new FakePositions() };

    private sealed class Connection(FakeServers servers) : DbConnection
    {
        private ConnectionState _state;

        [AllowNull]
        public override string ConnectionString { get; set; } = "";

        public override string Database => "";

        public override string DataSource => ConnectionString["Server=".Length..];

        public override string ServerVersion => "";

        public override ConnectionState State => _state;

        public override void Open() => OpenAsync(CancellationToken.None).GetAwaiter().GetResult();

        public override async Task OpenAsync(CancellationToken cancellationToken)
        {
            await servers.Opening(DataSource);
            if (servers.Down.TryGetValue(DataSource, out var failure))
            {
                throw failure(cancellationToken);
            }

            Interlocked.Increment(ref servers._open);
            Interlocked.Increment(ref servers._opened);
            _state = ConnectionState.Open;
        }

        public override void Close()
        {
            if (_state == ConnectionState.Open)
            {
                Interlocked.Decrement(ref servers._open);
                _state = ConnectionState.Closed;
            }
        }

        public override void ChangeDatabase(string databaseName) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            Close();
            base.Dispose(disposing);
        }

        protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel) => throw new NotSupportedException();

        protected override DbCommand CreateDbCommand() => new FakeQuestion(DataSource, servers.Positions ?? servers._silent);
    }
}

/// <summary>A clock that goes when it is told to.</summary>
internal sealed class ManualClock : TimeProvider
{
    private long _ticks = 1;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Volatile.Read(ref _ticks);

    public void Advance(TimeSpan time) => Interlocked.Add(ref _ticks, time.Ticks);
}
