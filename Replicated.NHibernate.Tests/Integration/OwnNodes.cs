using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Sample.Cluster;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>A cluster whose nodes a test may stop, with applications whose connection pools are their own, and what they logged.</summary>
internal sealed class OwnNodes : IAsyncDisposable
{
    public const string Password = "correct-horse-7731";

    private readonly List<RecordedLog> _logs = [];

    private OwnNodes(PostgresCluster cluster) => Cluster = cluster;

    public PostgresCluster Cluster { get; }

    public PostgresNode Master => Cluster.Master;

    /// <summary>The applications' time, which stands still: servers are asked once when an application starts, and then when it is told to.</summary>
    public VirtualTime Clock { get; } = new();

    /// <summary>Everything that any of the applications has logged, exceptions included.</summary>
    public IEnumerable<string> Logged => _logs.SelectMany(l => l.Entries).Select(e => $"{e.Message} {e.Exception}");

    public static async Task<OwnNodes> StartAsync() => new(await SharedCluster.StartWithSchema());

    /// <summary>With round robin, so that it is known which slave is tried first.</summary>
    public async Task<WorkApp> App(UnitOfWork unit, Dictionary<string, string?>? settings = null, int slaves = 2, Func<PostgresNode, string>? connect = null)
    {
        var name = Guid.NewGuid().ToString();
        var all = new Dictionary<string, string?> { ["Replicated:LoadBalancing"] = "RoundRobin" };
        string Of(PostgresNode node) => new NpgsqlConnectionStringBuilder(connect?.Invoke(node) ?? node.ConnectionString)
        {
            ApplicationName = name,
            Password = Password,
            Timeout = 2,
        }.ConnectionString;
        all["ConnectionStrings:Master"] = Of(Master);
        for (var i = 0; i < slaves; i++)
        {
            all[i == 0 ? "ConnectionStrings:Slave" : "Replicated:Slaves:0:ConnectionString"] = Of(Cluster.Slaves[i]);
        }

        foreach (var (key, value) in settings ?? [])
        {
            all[key] = value;
        }

        var app = await WorkApp.StartAsync(unit, Cluster, all, builder => builder.Services.AddSingleton<TimeProvider>(Clock), slaves);
        _logs.Add(app.Log);
        await app.UntilAll(state => state != NodeState.Unknown);
        return app;
    }

    public Task StopSlaves() => Task.WhenAll(Cluster.Slaves.Select(s => s.StopAsync()));

    /// <summary>An interval goes by, and every server has answered.</summary>
    public async Task LetTheServersBeAsked(WorkApp app)
    {
        Clock.Advance(TimeSpan.FromSeconds(1));
        await app.UntilAll(state => state == NodeState.Up);
    }

    /// <summary>Every slave shows again what the master has.</summary>
    public async Task ResumeReplay()
    {
        await Task.WhenAll(Cluster.Slaves.Select(s => s.ResumeReplayAsync()));
        await Cluster.WaitForSlavesAsync();
    }

    /// <summary>Not by a pool, which would remember connections of a master that was stopped.</summary>
    public async Task<bool> IsOnMaster(Guid id)
    {
        await using var connection = new NpgsqlConnection(Master.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"select exists (select 1 from post where id = '{id}')", connection);
        return (bool)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>All nodes up again, the slaves where the master is.</summary>
    public async Task Restore()
    {
        await Master.StartAsync();
        await Task.WhenAll(Cluster.Slaves.Select(s => s.StartAsync()));
        await Cluster.WaitForSlavesAsync();
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        await Cluster.DisposeAsync();
    }
}
