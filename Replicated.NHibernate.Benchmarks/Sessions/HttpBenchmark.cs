using Npgsql;
using Replicated.NHibernate.Sample.Cluster;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>A GET by key and a POST with one insert, through Kestrel to real servers, against the same application written by hand in several ways. A process for each.</summary>
internal sealed class HttpBenchmark() : Benchmark("http")
{
    private const double LeastRatio = 0.97;
    private const int Posts = 1000;

    public override async Task Run(Arguments arguments, Report report)
    {
        await using var cluster = await PostgresCluster.StartAsync(slaves: 1);
        var ids = await FillAsync(cluster);
        List<ArmProcess> apps = [];
        try
        {
            foreach (var arm in Arm.All)
            {
                apps.Add(await Start(arm.Name, arm));
            }

            apps.Add(await Start(Arm.Again, Arm.All[0]));
            byte[][] gets = [.. ids.Select(id => HttpLoad.Request("GET", $"/posts/{id}"))];
            byte[][] posts = [HttpLoad.Request("POST", "/posts", """{"title":"A post of the benchmark","body":"Some words that make it as long as a short message is."}""")];
            await Compare("http, GET by key", new HttpLoad(gets, "200", arguments.Connections));
            await Compare("http, POST with one insert", new HttpLoad(posts, "201", arguments.Connections));
        }
        finally
        {
            foreach (var app in apps)
            {
                await app.DisposeAsync();
            }
        }

        Task<ArmProcess> Start(string name, Arm arm) => ArmProcess.StartAsync(name, arm, Own(cluster.Master, name, arguments), Own(cluster.Slaves[0], name, arguments));

        async Task Compare(string what, HttpLoad load)
        {
            var all = await RoundRobin.RunAsync(apps, load, arguments, [cluster.Master.ConnectionString, cluster.Slaves[0].ConnectionString], () => cluster.WaitForSlavesAsync());
            var (plain, prepared, routed) = (all[0], all[1], all[2]);
            var (ratio, own) = (routed.Against(prepared, r => r.PerSecond), routed.Against(plain, r => r.PerSecond));
            report.Line(what, $"routed {ratio:0.000} x of hand-written with the same options, {own:0.000} x of hand-written", $"{LeastRatio} x", ratio >= LeastRatio);
            foreach (var arm in all)
            {
                Report.Note($"  {arm.Name}", $"{arm.Of(r => r.PerSecond),6:0}/s {arm.Against(plain, r => r.PerSecond):0.000} x; application {arm.Of(r => r.AppMicroseconds),5:0} us {arm.Against(plain, r => r.AppMicroseconds):0.000} x; backend {arm.Of(r => r.BackendMicroseconds),5:0.0} us; {arm.Of(r => r.Bytes),6:0} bytes");
            }
        }
    }

    private static string Own(PostgresNode node, string name, Arguments arguments) =>
        new NpgsqlConnectionStringBuilder(node.ConnectionString) { MaxPoolSize = arguments.Connections * 2, ApplicationName = name }.ConnectionString;

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
