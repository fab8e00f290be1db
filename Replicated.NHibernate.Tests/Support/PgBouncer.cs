using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Npgsql;
using Replicated.NHibernate.Sample.Cluster;

namespace Replicated.NHibernate.Tests.Support;

/// <summary>A real PgBouncer in front of one server, which drops the startup options that it does not know.</summary>
internal sealed class PgBouncer : IAsyncDisposable
{
    private static readonly string[] Folders = ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];

    private readonly string _folder = Directory.CreateTempSubdirectory("replicated-pgbouncer-").FullName;
    private Process _process = null!;

    private PgBouncer()
    {
    }

    public string ConnectionString { get; private set; } = "";

    public static async Task<PgBouncer> StartAsync(PostgresNode server, string poolMode, bool dropsOptions = true)
    {
        var program = Array.Find(Folders, folder => File.Exists(Path.Combine(folder, "pgbouncer")));
        Prerequisite.Require(program is not null, "PgBouncer", "Debian, Ubuntu: apt-get install pgbouncer.");
        var bouncer = new PgBouncer();
        var port = FreePort();
        var settings = Path.Combine(bouncer._folder, "pgbouncer.ini");
        var users = Path.Combine(bouncer._folder, "users.txt");
        await File.WriteAllTextAsync(users, "\"postgres\" \"\"\n\"through_pooler\" \"\"\n");
        await File.WriteAllTextAsync(settings, string.Create(CultureInfo.InvariantCulture, $"""
            [databases]
            postgres = host=127.0.0.1 port={server.Port} dbname=postgres
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = trust
            auth_file = {users}
            pool_mode = {poolMode}
            ignore_startup_parameters = {(dropsOptions ? "options, " : "")}extra_float_digits
            {(Environment.IsPrivilegedProcess ? "user = nobody" : "")}

            """));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(bouncer._folder, (UnixFileMode)0b111_101_101);
        }

        bouncer._process = Process.Start(new ProcessStartInfo(Path.Combine(program!, "pgbouncer"), ["-q", settings]) { UseShellExecute = false, RedirectStandardError = true })!;
        _ = bouncer._process.StandardError.ReadToEndAsync();
        bouncer.ConnectionString = new NpgsqlConnectionStringBuilder(server.ConnectionString) { Port = port }.ConnectionString;
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!await Answers(bouncer.ConnectionString))
        {
            Assert.That(bouncer._process.HasExited, Is.False, "PgBouncer ended at once.");
            await Task.Delay(20, enough.Token);
        }

        return bouncer;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<bool> Answers(string connectionString)
    {
        try
        {
            await using var connection = new NpgsqlConnection(connectionString + ";Pooling=false");
            await connection.OpenAsync();
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(System.Net.IPAddress.Loopback, 0);
        probe.Start();
        return ((System.Net.IPEndPoint)probe.LocalEndpoint).Port;
    }
}
