using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using MySqlConnector;
using Replicated.NHibernate.Sample.Cluster;

namespace Replicated.NHibernate.Tests.Support.MariaDb;

/// <summary>One server of a private cluster. It keeps its port as long as the cluster lives.</summary>
internal sealed partial class MariaDbNode(string folder, string name, int number) : IAsyncDisposable
{
    private const int Stop = 19;
    private const int Continue = 18;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private Process? _process;

    public string Name { get; } = name;

    public int Port { get; } = FreePort.Next();

    public string Data => Path.Combine(folder, Name);

    // Of its own, because a server that starts takes away what others have in theirs.
    public string Temporary => Path.Combine(folder, Name + ".tmp");

    /// <summary>As an application connects: without any privilege but on its own tables.</summary>
    public string ConnectionString => Of("app", MariaDbCluster.Database);

    private string PidFile => Path.Combine(folder, Name + ".pid");

    public async Task StartAsync()
    {
        if (_process is { HasExited: false })
        {
            return;
        }

        _process?.Dispose();
        _process = Process.Start(new ProcessStartInfo(MariaDbBinaries.Server,
        [
            $"--defaults-file={Path.Combine(folder, MariaDbCluster.Settings)}", $"--datadir={Data}", $"--socket={Path.Combine(folder, Name + ".sock")}", $"--pid-file={PidFile}", $"--tmpdir={Temporary}",
            $"--log-error={Path.Combine(folder, Name + ".log")}", string.Create(CultureInfo.InvariantCulture, $"--port={Port}"), string.Create(CultureInfo.InvariantCulture, $"--server-id={number}"),
            // After a crash too; a promotion ends it.
            number == 1 ? "--read-only=OFF" : "--read-only=ON",
            .. Environment.IsPrivilegedProcess ? ["--user=nobody"] : Array.Empty<string>(),
        ])
        {
            UseShellExecute = false,
            WorkingDirectory = folder,
        })!;
        await Until(async () =>
        {
            Assert.That(_process.HasExited, Is.False, () => $"{Name} ended: {File.ReadAllText(Path.Combine(folder, Name + ".log"))}");
            await using var connection = new MySqlConnection(Of("root", ""));
            await connection.OpenAsync();
            return true;
        }, $"{Name} answers");
    }

    /// <summary>As if its machine lost power.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>From here on it keeps its connections and answers nobody.</summary>
    public void Hang() => Signal(Stop);

    public void GoOn() => Signal(Continue);

    /// <summary>From here on the slave receives, but does not show, what the master does.</summary>
    public Task PauseAsync() => Execute("stop slave sql_thread");

    public Task ResumeAsync() => Execute("start slave sql_thread");

    public Task FollowAsync(MariaDbNode master) => Execute(string.Create(
        CultureInfo.InvariantCulture,
        $"stop slave; change master to master_host='127.0.0.1', master_port={master.Port}, master_user='repl', master_password='repl', master_use_gtid=slave_pos, master_connect_retry=1; set global read_only=1; start slave"));

    /// <summary>Makes a slave a master of its own, with all that it has received.</summary>
    public async Task PromoteAsync()
    {
        await Execute("stop slave io_thread");
        await Until(async () => await Ask<string>("select @@global.gtid_slave_pos", database: "") is var applied && await ReceivedAsync() == applied, $"{Name} has applied what it received");
        await Execute("stop slave; reset slave all; set global read_only=0");
    }

    /// <summary>Until this slave shows everything up to a place.</summary>
    public async Task WaitUntilAsync(string gtid) =>
        Assert.That(await Ask<int>($"select master_gtid_wait('{gtid}', 30)", database: ""), Is.Zero, $"{Name} does not have {gtid}.");

    /// <summary>Beside the library, with every privilege.</summary>
    public async Task Execute(string sql, string database = "")
    {
        await using var connection = new MySqlConnection(Of("root", database));
        await connection.OpenAsync();
        await using var command = new MySqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<T> Ask<T>(string sql, string database = MariaDbCluster.Database)
    {
        await using var connection = new MySqlConnection(Of("root", database));
        await connection.OpenAsync();
        await using var command = new MySqlCommand(sql, connection);
        return (T)Convert.ChangeType((await command.ExecuteScalarAsync())!, typeof(T), CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            await KillAsync();
        }

        _process?.Dispose();
    }

    internal static async Task Until(Func<Task<bool>> condition, string what)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            try
            {
                if (await condition())
                {
                    return;
                }
            }
            catch (MySqlException) when (!patience.IsCancellationRequested)
            {
                // Not yet.
            }

            Assert.That(patience.IsCancellationRequested, Is.False, $"Within 30 s it was not so: {what}");
            await Task.Delay(10);
        }
    }

    private async Task<string> ReceivedAsync()
    {
        await using var connection = new MySqlConnection(Of("root", ""));
        await connection.OpenAsync();
        await using var command = new MySqlCommand("show all slaves status", connection);
        await using var reader = await command.ExecuteReaderAsync();
        return await reader.ReadAsync() ? reader["Gtid_IO_Pos"].ToString()! : "";
    }

    private string Of(string user, string database) => string.Create(
        CultureInfo.InvariantCulture, $"Server=127.0.0.1;Port={Port};User ID={user};Password={(user == "root" ? "" : user)};Database={database};SslMode=None{(user == "root" ? ";Pooling=false;Allow User Variables=true" : "")}");

    private void Signal(int signal) => Assert.That(kill(_process!.Id, signal), Is.Zero);

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
