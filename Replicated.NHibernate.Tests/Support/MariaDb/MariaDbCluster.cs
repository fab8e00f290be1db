using System.Diagnostics;
using MySqlConnector;

namespace Replicated.NHibernate.Tests.Support.MariaDb;

/// <summary>
/// A private MariaDB primary and its replicas, made from the machine's own programs in a temporary folder. It listens on 127.0.0.1 only and does not care for the
/// data: nothing of it is left when it is disposed.
/// </summary>
internal sealed class MariaDbCluster : IAsyncDisposable
{
    public const string Database = "app";
    public const string Settings = "my.cnf";

    private const string Options =
        """
        [mariadbd]
        bind-address=127.0.0.1
        skip-name-resolve
        performance_schema=OFF
        character_set_server=utf8mb4
        max_connections=400
        innodb_buffer_pool_size=32M
        innodb_log_file_size=8M
        innodb_flush_log_at_trx_commit=2
        innodb_doublewrite=0
        innodb_use_native_aio=0
        key_buffer_size=1M
        aria_pagecache_buffer_size=1M
        sync_binlog=0
        log_bin=binlog
        binlog_format=row
        log_slave_updates=ON
        gtid_strict_mode=ON
        slave_net_timeout=5
        log_bin_trust_function_creators=ON
        """;

    private const string Users =
        """
        create user repl@'%' identified by 'repl';
        grant replication slave on *.* to repl@'%';
        create user app@'%' identified by 'app';
        create database app;
        grant select, insert, update, delete, create, drop, alter, index, execute, create routine, create temporary tables, references on app.* to app@'%';
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("replicated-mariadb-").FullName;
    private readonly MariaDbWatchdog _watchdog;

    private MariaDbCluster(int slaves)
    {
        _watchdog = new MariaDbWatchdog(_folder);
        Master = new MariaDbNode(_folder, "master", 1);
        Slaves = [.. Enumerable.Range(1, slaves).Select(i => new MariaDbNode(_folder, $"slave-{i}", 1 + i))];
    }

    public MariaDbNode Master { get; }

    /// <summary>slave-1, slave-2 and so on.</summary>
    public IReadOnlyList<MariaDbNode> Slaves { get; }

    /// <param name="schema">What to make in the database.</param>
    /// <param name="slaves">How many.</param>
    public static async Task<MariaDbCluster> StartAsync(string schema, int slaves = 2)
    {
        MariaDbBinaries.Require();
        var cluster = new MariaDbCluster(slaves);
        try
        {
            await cluster.CreateAsync();
            await cluster.Master.Execute(Users);
            await cluster.Master.Execute(schema, Database);
            await Task.WhenAll(cluster.Slaves.Select(s => s.FollowAsync(cluster.Master)));
            await cluster.WaitForSlavesAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Until every slave shows what the master has committed by now.</summary>
    public async Task WaitForSlavesAsync()
    {
        var gtid = await Master.Ask<string>("select @@global.gtid_binlog_pos");
        await Task.WhenAll(Slaves.Select(s => s.WaitUntilAsync(gtid)));
    }

    /// <summary>The connection strings: slave-1 by ConnectionStrings:Slave, the others by Replicated:Slaves.</summary>
    /// <param name="more">To be added to each.</param>
    public Dictionary<string, string?> Configuration(string more = "")
    {
        var settings = new Dictionary<string, string?> { ["ConnectionStrings:Master"] = Master.ConnectionString + more };
        for (var i = 0; i < Slaves.Count; i++)
        {
            settings[i == 0 ? "ConnectionStrings:Slave" : $"Replicated:Slaves:{i - 1}:ConnectionString"] = Slaves[i].ConnectionString + more;
            if (i > 0)
            {
                settings[$"Replicated:Slaves:{i - 1}:Name"] = Slaves[i].Name;
            }
        }

        return settings;
    }

    public async ValueTask DisposeAsync()
    {
        MySqlConnection.ClearAllPools();
        await Task.WhenAll(Slaves.Prepend(Master).Select(n => n.DisposeAsync().AsTask()));
        Directory.Delete(_folder, recursive: true);
        _watchdog.Dispose();
    }

    // One is installed and copied before it has a history of its own, so that all have the same.
    private async Task CreateAsync()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, Settings), Options + "\n");
        foreach (var node in Slaves.Prepend(Master))
        {
            Directory.CreateDirectory(node.Temporary);
        }

        var asOther = Environment.IsPrivilegedProcess;
        if (asOther)
        {
            await Run("chown", "-R", "nobody", _folder);
        }

        await Run(MariaDbBinaries.Install,
        [
            "--no-defaults", $"--datadir={Master.Data}", "--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=8M",
            "--innodb-flush-log-at-trx-commit=0", "--innodb-use-native-aio=0", .. asOther ? ["--user=nobody"] : Array.Empty<string>(),
        ]);
        await Task.WhenAll(Slaves.Select(s => Run("cp", "-a", Master.Data, s.Data)));
        await Task.WhenAll(Slaves.Prepend(Master).Select(n => n.StartAsync()));
    }

    private async Task Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = _folder,
            Environment = { ["TMPDIR"] = Master.Temporary },
        })!;
        var said = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        Assert.That(process.ExitCode, Is.Zero, string.Concat(said));
    }
}
