using Npgsql;
using Replicated.NHibernate.Sample.Cluster;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>A GET by key and a POST with one insert, through Kestrel to real servers, against the same application written by hand.</summary>
internal sealed class HttpBenchmark() : Benchmark("http")
{
    private const double LeastRatio = 0.97;
    private const int Posts = 1000;

    public override async Task Run(Arguments arguments, Report report)
    {
        // Waiting for a thread is not what is measured: NHibernate's own transaction commits synchronously.
        ThreadPool.SetMinThreads(arguments.Connections * 2, arguments.Connections * 2);
        await using var cluster = await PostgresCluster.StartAsync(slaves: 1);
        var ids = await FillAsync(cluster);
        var (master, slave) = (Pooled(cluster.Master, arguments), Pooled(cluster.Slaves[0], arguments));

        await using var plain = await HttpApp.StartAsync("hand-written", builder => HandWritten.Register(builder.Services, master, slave));
        await using var again = await HttpApp.StartAsync("hand-written again", builder => HandWritten.Register(builder.Services, master, slave));
        await using var routed = await HttpApp.StartAsync("routed", builder =>
        {
            builder.Configuration["ConnectionStrings:Master"] = master;
            builder.Configuration["ConnectionStrings:Slave"] = slave;
            builder.Services.AddReplicatedNHibernate(Model.Configure);
            builder.Services.AddControllersOfThisProject();
        }, app => app.UseReplicatedSessions());

        byte[][] gets = [.. ids.Select(id => HttpLoad.Request("GET", $"/posts/{id}"))];
        byte[][] posts = [HttpLoad.Request("POST", "/posts", """{"title":"A post of the benchmark","body":"Some words that make it as long as a short message is."}""")];
        await Compare("http, GET by key", new HttpLoad(gets, "200", arguments.Connections));
        await Compare("http, POST with one insert", new HttpLoad(posts, "201", arguments.Connections));
        NpgsqlConnection.ClearAllPools();

        async Task Compare(string what, HttpLoad load)
        {
            var result = await Rounds.Compare(plain, routed, again, load, arguments, () => cluster.WaitForSlavesAsync());
            report.Line(what, result.Figures, $"{LeastRatio} x", result.Ratio >= LeastRatio);
            Report.Note("  of it, in this process", result.Details);
        }
    }

    private static string Pooled(PostgresNode node, Arguments arguments) =>
        new NpgsqlConnectionStringBuilder(node.ConnectionString) { MaxPoolSize = arguments.Connections * 2 }.ConnectionString;

    private static async Task<Guid[]> FillAsync(PostgresCluster cluster)
    {
        Guid[] ids = [.. Enumerable.Range(0, Posts).Select(_ => Guid.NewGuid())];
        await using var connection = new NpgsqlConnection(cluster.Master.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(Model.Schema, connection);
        await command.ExecuteNonQueryAsync();
        command.CommandText = "insert into post select id, 'A post', 'Some words that make it as long as a short message is.', now() from unnest($1) as id";
        command.Parameters.Add(new NpgsqlParameter { Value = ids });
        await command.ExecuteNonQueryAsync();
        await cluster.WaitForSlavesAsync();
        return ids;
    }
}
