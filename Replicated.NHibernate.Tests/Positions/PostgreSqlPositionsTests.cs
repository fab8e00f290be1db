using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Positions;

/// <summary>Places in a real log, and whether a slave that has reached one has what was written before it.</summary>
[Promise(10)]
internal sealed class PostgreSqlPositionsTests
{
    private const ulong Page = 8192;
    private const ulong Segment = 1 << 20;

    private PostgresCluster _cluster = null!;
    private Places _master = null!;
    private Places[] _slaves = [];

    [OneTimeSetUp]
    public async Task Start()
    {
        _cluster = await PostgresCluster.StartAsync();
        _master = await Places.Of(_cluster.Master);
        _slaves = await Task.WhenAll(_cluster.Slaves.Select(s => Places.Of(s)));
        await _master.Commit("create table row_of (n int primary key); create role plain login");
        await _cluster.WaitForSlavesAsync();
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        foreach (var server in _slaves.Prepend(_master))
        {
            await server.DisposeAsync();
        }

        await _cluster.DisposeAsync();
    }

    [Test]
    public async Task The_slaves_of_an_idle_master_reach_the_place_behind_a_commit_of_any_size()
    {
        var random = new Random(11);
        for (var i = 0; i < 200; i++)
        {
            await AllReach(await _master.Commit(Message(random.Next(20_000))), $"commit {i}");
        }
    }

    [Test]
    public async Task The_slaves_of_an_idle_master_reach_a_place_at_the_edge_of_a_page()
    {
        // How much more than its text a commit writes, measured where no page ends within it.
        var overhead = await Overhead();
        var (pages, segments) = (0, 0);
        for (var i = 0; i < 140; i++)
        {
            var now = await Raw();
            var edge = ((now / Page) + (now % Page > Page - 1_000 ? 2ul : 1ul)) * Page;
            // Mostly exactly at the edge, else a little before or behind it, where the next page's header makes room.
            var aside = edge % Segment == 0 || i % 2 == 0 ? 0 : ((i / 2 % 9) - 4) * 8;
            var crossed = edge - now > Page ? 24 : 0;
            var place = await _master.Commit(Message((int)(edge - now) - crossed - overhead + aside));
            pages += place.Offset == edge ? 1 : 0;
            segments += place.Offset == edge && edge % Segment == 0 ? 1 : 0;
            await AllReach(place, $"aimed {aside} bytes beside {edge:x}, came to {place.Offset:x}");
        }

        TestContext.Out.WriteLine($"{pages} of 140 commits ended with a page, {segments} with a segment");
        Assert.That((pages >= 50, segments >= 1), Is.EqualTo((true, true)), $"{pages} pages, {segments} segments");
    }

    [Test]
    public async Task A_slave_that_has_reached_the_place_behind_a_commit_shows_what_it_wrote()
    {
        var atOnce = 0;
        for (var i = 0; i < 1_000; i++)
        {
            var place = await _master.Commit($"insert into row_of values ({i})");
            var slave = _slaves[i % 2];
            if (await slave.HasReached(place))
            {
                atOnce++;
                Assert.That(await slave.Value<bool>($"select exists (select 1 from row_of where n = {i})"), Is.True, $"row {i} at {place}");
            }
        }

        var last = await _master.Master();
        await AllReach(last, "the last row");
        Assert.That(await Task.WhenAll(_slaves.Select(s => s.Value<long>("select count(*) from row_of where n between 0 and 999"))), Is.All.EqualTo(1_000));
        TestContext.Out.WriteLine($"{atOnce} of 1000 rows were there when the slave was first asked");
    }

    [Test]
    public async Task A_slave_that_does_not_replay_reaches_nothing_that_is_written_meanwhile()
    {
        var before = await _master.Master();
        await AllReach(before, "before the pause");
        await _cluster.Slaves[0].PauseReplayAsync();
        var random = new Random(5);
        var places = new List<Position>();
        for (var i = 0; i < 20; i++)
        {
            places.Add(await _master.Commit($"insert into row_of values ({10_000 + i}); {Message(random.Next(10_000))}"));
        }

        var (known, waited) = (new List<bool>(), new List<bool>());
        foreach (var place in places)
        {
            known.Add(await _slaves[0].HasReached(place));
            waited.Add(await _slaves[0].Reaches(place, TimeSpan.FromMilliseconds(5)));
        }

        var stillThere = await _slaves[0].HasReached(before);
        // As long as a patient reader would wait: it ends when the slave goes on.
        var patient = _slaves[0].Reaches(places[^1], TimeSpan.FromMinutes(10));
        await _cluster.Slaves[0].ResumeReplayAsync();
        Assert.That((await patient.WaitAsync(TimeSpan.FromSeconds(60)), stillThere), Is.EqualTo((true, true)));
        Assert.That(known.Concat(waited), Is.All.False);
        Assert.That(await _slaves[0].Value<long>("select count(*) from row_of where n >= 10000"), Is.EqualTo(20));
    }

    [Test]
    public async Task A_place_that_is_reached_is_not_waited_for()
    {
        var place = await _master.Commit(Message(100));
        await AllReach(place, "a small commit");
        // Nothing follows that could end a wait.
        Assert.That(await _slaves[0].Reaches(place, TimeSpan.FromMinutes(10)).WaitAsync(TimeSpan.FromSeconds(60)), Is.True);
        Assert.That(await _slaves[0].Reaches(place, TimeSpan.Zero), Is.True);
    }

    [Test]
    public async Task No_place_that_a_client_can_invent_is_more_than_not_reached(
        [Values(0ul, 1ul, ulong.MaxValue)] ulong offset, [Values(0u, 1u, uint.MaxValue)] uint log, [Values] bool onSlave)
    {
        var place = new Position(log == uint.MaxValue ? UInt128.MaxValue : log, offset);
        var reached = await (onSlave ? _slaves[0] : _master).Reaches(place, TimeSpan.FromMilliseconds(2));
        Assert.That(reached, Is.EqualTo(offset <= 1 && log <= 1));
    }

    [Test]
    public async Task A_server_without_recovery_has_everything_that_it_will_show()
    {
        var place = await _master.Commit(Message(50));
        Assert.That((await _master.HasReached(place), await _master.Reaches(place, TimeSpan.FromMinutes(10))), Is.EqualTo((true, true)));
        Assert.That(await _master.Slave(), Is.EqualTo(place));
    }

    [Test]
    public async Task An_ordinary_role_is_told_the_same()
    {
        await using var master = await Places.Of(_cluster.Master, "plain");
        await using var slave = await Places.Of(_cluster.Slaves[0], "plain");
        var place = await _master.Commit(Message(50));
        await AllReach(place, "a small commit");
        Assert.That((await master.Master(), await master.Slave()), Is.EqualTo((place, place)));
        Assert.That((await slave.Slave(), await slave.Reaches(place, TimeSpan.Zero)), Is.EqualTo((await _slaves[0].Slave(), true)));
    }

    private static string Message(int bytes) => $"select pg_logical_emit_message(true, 'size', repeat('x', {bytes}))";

    private async Task AllReach(Position place, string what)
    {
        foreach (var slave in _slaves)
        {
            Assert.That(await slave.Reaches(place, Places.Long), Is.True, what);
        }
    }

    private async Task<ulong> Raw() => (ulong)await _master.Value<decimal>("select pg_current_wal_insert_lsn() - '0/0'");

    private async Task<int> Overhead()
    {
        ulong before, after;
        do
        {
            before = await Raw();
            await _master.Commit(Message(800));
            after = await Raw();
        }
        while (before / Page != after / Page);
        return (int)(after - before) - 800;
    }
}
