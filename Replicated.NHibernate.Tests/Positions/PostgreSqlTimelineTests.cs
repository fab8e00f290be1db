using Npgsql;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Positions;

/// <summary>What a place says after a slave has become the master.</summary>
[Promise(10), Promise(13)]
internal sealed class PostgreSqlTimelineTests
{
    [Test]
    public async Task A_place_of_the_new_master_is_reached_only_by_slaves_that_follow_it()
    {
        await using var cluster = await PostgresCluster.StartAsync();
        Position first;
        await using (var master = await Places.Of(cluster.Master))
        {
            first = await master.Commit("create table row_of (n int); create role plain login");
        }

        await using var promoted = await Places.Of(cluster.Slaves[0]);
        await using var other = await Places.Of(cluster.Slaves[1]);
        await using var plain = await Places.Of(cluster.Slaves[1], await WhenThere(other, first));
        await promoted.Reaches(first, Places.Long);
        await cluster.Master.StopAsync();
        await cluster.Slaves[0].PromoteAsync();
        var second = await promoted.Commit("insert into row_of values (1)");
        Assert.That((first.Log, second.Log), Is.EqualTo(((UInt128)1, (UInt128)2)));
        Assert.That((await promoted.HasReached(first), await promoted.HasReached(second)), Is.EqualTo((true, true)));

        // What stayed on the old timeline may have an end of its own, beyond the new one.
        Assert.That((await other.HasReached(first), await other.HasReached(second), await other.Reaches(second, TimeSpan.Zero)), Is.EqualTo((true, false, false)));
        Assert.That(Places.Rules.IsReached(second, new Position(1, ulong.MaxValue)), Is.False);

        await Follow(cluster.Slaves[1], cluster.Slaves[0]);
        Assert.That((await other.Reaches(second, Places.Long), await other.HasReached(first)), Is.EqualTo((true, true)));
        Assert.That(await other.Value<long>("select count(*) from row_of"), Is.EqualTo(1));

        // An ordinary role hears of the new timeline with the next restart point: until then its reads go to the master.
        await SharedCluster.Execute(cluster.Slaves[0], "checkpoint");
        await WhenThere(other, await promoted.Commit("insert into row_of values (2)"));
        await SharedCluster.Execute(cluster.Slaves[1], "checkpoint");
        Assert.That(await plain.HasReached(second), Is.True);
        NpgsqlConnection.ClearAllPools();
    }

    private static async Task<string> WhenThere(Places slave, Position place)
    {
        Assert.That(await slave.Reaches(place, Places.Long), Is.True);
        return "plain";
    }

    private static async Task Follow(PostgresNode slave, PostgresNode master)
    {
        await SharedCluster.Execute(slave, $"alter system set primary_conninfo = 'host=127.0.0.1 port={master.Port} user=postgres sslmode=disable'");
        await SharedCluster.Execute(slave, "alter system set primary_slot_name = ''");
        await SharedCluster.Execute(slave, "select pg_reload_conf()");
    }
}
