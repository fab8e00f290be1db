using System.Globalization;

namespace Replicated.NHibernate.Sample.Cluster;

/// <summary>
/// A private PostgreSQL master and its streaming slaves, made from the machine's own programs in a temporary folder, for trying out and
/// testing. It listens on 127.0.0.1 only, trusts everybody there and does not care for the data: nothing of it is left when it is disposed.
/// </summary>
public sealed class PostgresCluster : IAsyncDisposable
{
    private const string Settings =
        """
        listen_addresses = '127.0.0.1'
        unix_socket_directories = ''
        max_connections = 300
        max_prepared_transactions = 20
        shared_buffers = 32MB
        dynamic_shared_memory_type = mmap
        jit = off

        fsync = off
        full_page_writes = off
        autovacuum = off
        min_wal_size = 32MB
        max_wal_size = 4GB
        checkpoint_timeout = 1h

        wal_level = replica
        hot_standby = on
        max_wal_senders = 20
        max_replication_slots = 20
        wal_receiver_status_interval = 1
        wal_retrieve_retry_interval = 50ms

        timezone = 'UTC'
        log_timezone = 'UTC'
        log_destination = 'stderr'
        log_line_prefix = '%m [%p] '
        log_min_messages = warning
        """;

    private const string Access =
        """
        host all         all 127.0.0.1/32 trust
        host replication all 127.0.0.1/32 trust
        """;

    private readonly PostgresBinaries _binaries = PostgresBinaries.Find();
    private readonly ServerAccount _account = ServerAccount.Find();
    private readonly List<PostgresNode> _slaves = [];
    private readonly Lock _clearing = new();
    private Watchdog? _watchdog;

    private PostgresCluster(int slaves)
    {
        Folder = Directory.CreateTempSubdirectory("replicated-").FullName;
        _watchdog = new Watchdog(Folder);
        AppDomain.CurrentDomain.ProcessExit += OnProcessExit;
        Master = NewNode("master");
        _slaves.AddRange(Enumerable.Range(1, slaves).Select(number => NewNode(string.Create(CultureInfo.InvariantCulture, $"slave-{number}"))));
    }

    public PostgresNode Master { get; }

    /// <summary>slave-1, slave-2 and so on.</summary>
    public IReadOnlyList<PostgresNode> Slaves => _slaves;

    /// <summary>Everything the cluster writes: a data folder and a log for each node.</summary>
    public string Folder { get; }

    public static async Task<PostgresCluster> StartAsync(int slaves = 2, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(slaves);
        var cluster = new PostgresCluster(slaves);
        try
        {
            await cluster.CreateMasterAsync(cancellationToken);
            await Task.WhenAll(cluster._slaves.Select(slave => cluster.CreateSlaveAsync(slave, cancellationToken)));
            await cluster.WaitForSlavesAsync(cancellationToken: cancellationToken);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Until every slave that runs shows what the master has committed by now.</summary>
    public async Task WaitForSlavesAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        var lsn = await Master.CurrentLsnAsync(cancellationToken);
        await Task.WhenAll(_slaves.Where(slave => slave.State == PostgresNodeState.Running)
            .Select(slave => slave.WaitUntilReplayedAsync(lsn, timeout, cancellationToken)));
    }

    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnProcessExit;
        await Task.Run(Clear);
    }

    private async Task CreateMasterAsync(CancellationToken cancellationToken)
    {
        await _account.GiveAsync(Folder, cancellationToken);
        var data = DataOf(Master);
        await Command.RunAsync(
            _account.StartAsServer(Folder, _binaries.InitDb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--wal-segsize=1", "--no-sync", "--no-instructions"),
            cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(data, "postgresql.conf"), Settings + "\n", cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(data, "pg_hba.conf"), Access + "\n", cancellationToken);
        await Master.StartFirstAsync(cancellationToken);
    }

    private async Task CreateSlaveAsync(PostgresNode slave, CancellationToken cancellationToken)
    {
        // The slot keeps the master's log for the copy from now on, and later for the slave while it is stopped.
        await Master.EnsureSlotAsync(slave.Slot, cancellationToken);
        await Command.RunAsync(
            _account.StartAsServer(Folder, _binaries.BaseBackup, "-d", string.Create(CultureInfo.InvariantCulture, $"host=127.0.0.1 port={Master.Port} user=postgres sslmode=disable application_name={slave.Name}"),
                "-D", DataOf(slave), "-R", "-X", "stream", "-S", slave.Slot, "--checkpoint=fast", "--no-sync", "--no-manifest"),
            cancellationToken);
        await slave.StartFirstAsync(cancellationToken);
    }

    private PostgresNode NewNode(string name) => new(name, new PostgresServer(Folder, name, _binaries, _account));

    private string DataOf(PostgresNode node) => Path.Combine(Folder, node.Name);

    private void OnProcessExit(object? sender, EventArgs args) => Clear();

    private void Clear()
    {
        lock (_clearing)
        {
            if (_watchdog is null)
            {
                return;
            }

            Parallel.ForEach(_slaves.Prepend(Master), node => node.Abandon());
            Directory.Delete(Folder, recursive: true);
            _watchdog.Dispose();
            _watchdog = null;
        }
    }
}
