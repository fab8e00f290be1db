using Npgsql;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Failover;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Torture;

/// <summary>What a run came to.</summary>
internal sealed record TortureReport(Operation[] History, Finding[] Findings, string Account)
{
    public IEnumerable<Finding> Violations => Findings.Where(f => !f.IsLimit);
}

/// <summary>Clients and nemesis for some time; then everything is mended, and the history judged.</summary>
internal static class TortureRun
{
    public const int Clients = 12;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task<TortureReport> Of(UnitOfWork unit, TimeSpan time, int seed, params (string Key, string Value)[] changed)
    {
        await using var app = await TortureApp.StartAsync(unit, changed);
        var history = new Happenings<Operation>();
        var nemesis = new Nemesis(app, seed);
        var clients = Enumerable.Range(0, Clients).Select(n => new TortureClient(app, history.Add, n, Clients, seed)).ToArray();
        using var enough = new CancellationTokenSource(time);
        var disturbing = nemesis.Run(enough.Token);
        await Task.WhenAll(clients.Select(c => Task.Run(() => c.Run(enough.Token))));
        await disturbing;
        Array.ForEach(clients, c => c.Dispose());

        var leftover = await Settled(app);
        var all = history.All;
        Finding[] findings = [.. Checker.Check(all, nemesis.Done, await Written(app.Cluster.Master), leftover)];
        var account = $"seed {seed}, {time.TotalSeconds} s: {all.Length} operations ({all.Length / time.TotalSeconds:F0} a second), {all.Count(o => o.IsOk)} answered well, "
            + $"{all.Count(o => o.Status == 503)} with 503, {all.Count(o => o.Status is null)} not at all; {app.Repeated} statements sent once more; nemesis: {nemesis}; "
            + (findings.Length == 0 ? "nothing found" : string.Join(", ", findings.GroupBy(f => f.Kind).Select(g => $"{g.Key} {g.Count()}")));
        return new(all, findings, account);
    }

    // Requests of clients that went away end on the server by themselves.
    public static async Task<Leftover> Settled(TortureApp app)
    {
        var since = TimeProvider.System.GetTimestamp();
        Leftover left;
        do
        {
            left = app.Leftover(await OpenTransactions(app.Cluster.Master));
        }
        while (left != new Leftover(0, 0, 0) && TimeProvider.System.GetElapsedTime(since) < Patience);

        return left;
    }

    private static async Task<int> OpenTransactions(PostgresNode master) =>
        (int)await Ask(master, "select count(*) from pg_stat_activity where state like 'idle in transaction%'", async reader => await reader.ReadAsync() ? reader.GetInt64(0) : 0);

    private static Task<HashSet<(int, int)>> Written(PostgresNode master) => Ask(master, "select owner, number from entry", async reader =>
    {
        var written = new HashSet<(int, int)>();
        while (await reader.ReadAsync())
        {
            written.Add((reader.GetInt32(0), reader.GetInt32(1)));
        }

        return written;
    });

    private static async Task<T> Ask<T>(PostgresNode master, string sql, Func<NpgsqlDataReader, Task<T>> read)
    {
        await using var connection = new NpgsqlConnection(master.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync();
        return await read(reader);
    }
}
