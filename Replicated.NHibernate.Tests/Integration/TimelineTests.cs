using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>After a promotion there are two logs that share their beginning, and an ordinary user is not told which of them a slave follows.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(10), Promise(13)]
internal sealed class TimelineTests(UnitOfWork unit)
{
    private OwnNodes _nodes = null!;

    private PostgresNode Promoted => _nodes.Cluster.Slaves[0];

    private PostgresNode Other => _nodes.Cluster.Slaves[1];

    [SetUp]
    public async Task Promote()
    {
        _nodes = await OwnNodes.StartAsync();
        await SharedCluster.Execute(_nodes.Master, "create role plain login; grant all on all tables in schema public to plain");
        await _nodes.Cluster.WaitForSlavesAsync();
        NpgsqlConnection.ClearAllPools();
        await _nodes.Master.StopAsync();
        await Promoted.PromoteAsync();
        await Other.FollowAsync(Promoted);
    }

    [TearDown]
    public async Task Stop() => await _nodes.DisposeAsync();

    [Test]
    public async Task Slave_of_the_new_timeline_serves_tokened_reads_after_two_questions_to_an_ordinary_user()
    {
        await using var app = await _nodes.QuietApp(unit, new() { ["ConnectionStrings:Master"] = Plain(Promoted), ["ConnectionStrings:Slave"] = Plain(Other) }, slaves: 1);
        for (var interval = 0; interval < 2; interval++)
        {
            await app.Sample();
            await UntilReplayed();
        }

        await app.Sample();
        var client = new TokenClient(app);
        var id = await client.Write();
        await Other.WaitUntilReplayedAsync(await Promoted.CurrentLsnAsync());
        var read = await client.Read(id);

        Assert.That(await Told("select received_tli from pg_stat_wal_receiver"), Is.EqualTo(DBNull.Value), "or it would be no ordinary user");
        Assert.That(await Told("select timeline_id from pg_control_checkpoint()"), Is.EqualTo(1), "or there would be nothing to prove");
        Assert.That((read.Place.Port, read.Has, read.Route), Is.EqualTo((Other.Port, true, "role=slave; node=slave-1; reason=verb")));
    }

    [Test]
    public async Task What_was_proven_of_a_slave_ends_with_a_lost_connection()
    {
        await using var app = await _nodes.QuietApp(unit, new() { ["ConnectionStrings:Master"] = Plain(Promoted), ["ConnectionStrings:Slave"] = Plain(Other) }, slaves: 1);
        var (registry, slave) = (app.Services.GetRequiredService<NodeRegistry>(), app.Services.GetRequiredService<NodeRegistry>().Slaves[0]);
        await app.Sample();
        await UntilReplayed();
        await app.Sample();
        var before = (slave.ProvenLog, slave.Reading?.Position.Log);
        registry.Suspected = null;
        registry.Broke(slave, long.MaxValue);
        Assert.That(before, Is.EqualTo(((UInt128?)2, (UInt128?)2)));
        Assert.That((slave.ProvenLog, slave.Reading), Is.EqualTo(((UInt128?)null, (NodeReading?)null)));
    }

    [Test]
    public async Task Former_master_that_came_back_is_out_of_use_and_named()
    {
        await using var app = await WithBoth(unit);
        await app.UntilNode("master", NodeState.NotFollowing);
        var write = await app.Post(context => context.Board().AddAsync(Guid.NewGuid()));
        var read = await app.WhereGet();
        Assert.That((write.Status, write.RetryAfter is null, write.TokenHeader), Is.EqualTo((HttpStatusCode.ServiceUnavailable, false, (string?)null)));
        Assert.That(read.Port, Is.EqualTo(Other.Port));
        Assert.That(app.Log.Messages(11).Single(m => m.Contains("NotFollowing", StringComparison.Ordinal)), Does.Contain("it is a former master: slave-1 follows timeline 2, and it writes timeline 1"));
    }

    [Test]
    public async Task What_was_written_on_a_former_master_is_not_believed_to_be_on_a_slave_of_the_new_timeline()
    {
        await SharedCluster.Execute(Promoted, "create table more as select generate_series(1, 50000)");
        await Other.WaitUntilReplayedAsync(await Promoted.CurrentLsnAsync());
        await using var app = await WithBoth(unit, isAsked: false);
        var own = 0;
        for (var i = 0; i < 20; i++)
        {
            var client = new TokenClient(app);
            own += (await client.Read(await client.Write())).Has ? 1 : 0;
        }

        Assert.That(own, Is.EqualTo(20));
    }

    // A transaction that changes nothing leaves the server with the next that does, or after a moment.
    private async Task UntilReplayed()
    {
        await SharedCluster.Execute(Promoted, $"insert into post (id, title) values ('{Guid.NewGuid()}', 'beside')");
        await Other.WaitUntilReplayedAsync(await Promoted.CurrentLsnAsync());
    }

    private async Task<WorkApp> WithBoth(UnitOfWork unit, bool isAsked = true)
    {
        // It comes back writable, and is named first.
        await _nodes.Master.StartAsync();
        var settings = new Dictionary<string, string?>
        {
            ["ConnectionStrings:Master"] = $"{_nodes.Master.ConnectionString};Target Session Attributes=primary;Host=127.0.0.1:{_nodes.Master.Port},127.0.0.1:{Promoted.Port}",
            ["ConnectionStrings:Slave"] = Other.ConnectionString,
        };
        return await WorkApp.StartAsync(
            unit,
            settings: settings,
            build: builder =>
            {
                if (!isAsked)
                {
                    builder.Services.Remove(builder.Services.Single(s => s.ImplementationType == typeof(Prober)));
                }
            },
            slaves: 0);
    }

    private static string Plain(PostgresNode node) => new NpgsqlConnectionStringBuilder(node.ConnectionString) { Username = "plain" }.ConnectionString;

    private async Task<object?> Told(string sql)
    {
        await using var connection = new NpgsqlConnection(Plain(Other));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
