using System.Globalization;
using Npgsql;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Failover;

namespace Replicated.NHibernate.Tests.Torture;

/// <summary>Does something to a server, or to the way to it, undoes it, and goes on. What it does, to whom and for how long is told by the seed.</summary>
internal sealed class Nemesis(TortureApp app, int seed)
{
    private readonly Random _random = new(seed);
    private readonly List<Disturbance> _done = [];

    public IReadOnlyList<Disturbance> Done => _done;

    private PostgresNode[] Nodes => [app.Cluster.Master, .. app.Cluster.Slaves];

    public async Task Run(CancellationToken enough)
    {
        try
        {
            while (true)
            {
                await Task.Delay(_random.Next(100, 600), enough);
                await Disturb(enough);
            }
        }
        catch (OperationCanceledException)
        {
            // The end; what was done is undone.
        }
    }

    private async Task Disturb(CancellationToken enough)
    {
        // The master is one of three, and has half of the others' turns.
        var index = _random.Next(5) switch { 0 => 0, < 3 => 1, _ => 2 };
        var (node, wire, time) = (Nodes[index], app.Wires[index], TimeSpan.FromMilliseconds(_random.Next(50, 1_500)));
        (string Kind, Func<Task> Act, Func<Task> Undo) todo = _random.Next(8) switch
        {
            0 => ("kill", node.KillAsync, () => node.StartAsync()),
            1 => ("stop", () => node.StopAsync(), () => node.StartAsync()),
            2 => ("hang", Sync(wire.Hang), wire.RestoreAsync),
            3 => ("delay", Sync(() => wire.DelayTo(TimeSpan.FromMilliseconds(_random.Next(1, 40)))), wire.RestoreAsync),
            4 => ("cut", wire.CutAsync, wire.RestoreAsync),
            5 when index > 0 => ("pause", () => node.PauseReplayAsync(), () => node.ResumeReplayAsync()),
            6 => ("fill", FillPool, () => Task.CompletedTask),
            _ => ("terminate", () => Terminate(node), () => Task.CompletedTask),
        };
        var began = Moment.Now;
        await todo.Act();
        try
        {
            await Task.Delay(time, enough);
        }
        finally
        {
            await todo.Undo();
            _done.Add(new Disturbance(todo.Kind, todo.Kind == "fill" ? "master" : node.Name, began, Moment.Now));
        }
    }

    // Every connection of the master's pool works for half a second.
    private async Task FillPool()
    {
        using var http = new HttpClient { BaseAddress = app.Address };
        var holds = Enumerable.Range(0, TortureApp.PoolSize).Select(_ => http.PostAsync(new Uri("/hold", UriKind.Relative), content: null)).ToArray();
        foreach (var hold in holds)
        {
            (await hold).Dispose();
        }
    }

    private static async Task Terminate(PostgresNode node)
    {
        await using var connection = new NpgsqlConnection(node.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()", connection);
        await command.ExecuteNonQueryAsync();
    }

    private static Func<Task> Sync(Action act) => () =>
    {
        act();
        return Task.CompletedTask;
    };

    public override string ToString() => string.Join(", ", _done.GroupBy(d => d.Kind).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => string.Create(CultureInfo.InvariantCulture, $"{g.Key} {g.Count()}")));
}
