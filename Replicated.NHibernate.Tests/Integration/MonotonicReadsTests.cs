using Npgsql;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>One client's reads in turn, on two slaves of which one stands still, while somebody writes.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(16)]
internal sealed class MonotonicReadsTests(UnitOfWork unit)
{
    private const int Reads = 16;

    private OwnNodes _nodes = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _nodes = await OwnNodes.StartAsync();
        await _nodes.Cluster.Slaves[0].PauseReplayAsync();
    }

    [OneTimeTearDown]
    public async Task Stop() => await _nodes.DisposeAsync();

    [Test]
    public async Task Switched_off_they_go_back_in_time() =>
        Assert.That((await ReadsOfOneClient("Off")).Select(r => r.Count), Is.Not.Ordered, "or the other tests show nothing");

    [Test]
    public async Task They_never_do([Values("Exact", "SameSlave")] string mode) =>
        Assert.That((await ReadsOfOneClient(mode)).Select(r => r.Count), Is.Ordered);

    [Test]
    public async Task Exactly_a_client_leaves_the_slave_that_stands_still_and_keeps_the_other()
    {
        var newer = _nodes.Cluster.Slaves[1].Port;
        // Known to the pool, or it may ask the other one first, and then the master answers.
        var ports = (await ReadsOfOneClient("Exact", known: true)).Select(r => r.Port).SkipWhile(p => p != newer);
        Assert.That(ports, Is.Not.Empty.And.All.EqualTo(newer));
    }

    [Test]
    public async Task With_a_slave_of_its_own_a_client_never_changes()
    {
        var ports = new HashSet<int>();
        for (var client = 0; client < 12; client++)
        {
            var reads = await ReadsOfOneClient("SameSlave", count: 3);
            Assert.That(reads.Select(r => r.Port).Distinct().Count(), Is.EqualTo(1));
            ports.Add(reads[0].Port);
        }

        Assert.That(ports, Has.Count.EqualTo(2), "Clients spread.");
    }

    [Test]
    public async Task What_was_read_on_the_master_is_on_the_slave_that_is_read_next()
    {
        await using var app = await _nodes.App(unit, Settings("Exact"));
        var client = new TokenClient(app);
        await Write();
        var onMaster = 0L;
        (await client.Post(async context => onMaster = await Count(context.Board()))).Ok();
        var next = 0L;
        (await client.Get(async context => next = await Count(context.Board()))).Ok();
        Assert.That(next, Is.GreaterThanOrEqualTo(onMaster));
    }

    private async Task<List<(long Count, int Port)>> ReadsOfOneClient(string mode, int count = Reads, bool known = false)
    {
        await using var app = await _nodes.App(unit, Settings(mode));
        var client = new TokenClient(app);
        var reads = new List<(long, int)>();
        for (var i = 0; i < count; i++)
        {
            await Write();
            await _nodes.Cluster.Slaves[1].WaitUntilReplayedAsync(await _nodes.Master.CurrentLsnAsync());
            if (known)
            {
                await app.Sample();
            }

            (await client.Get(async context => reads.Add((await Count(context.Board()), (await context.Board().WhereAsync()).Port)))).Ok();
        }

        return reads;
    }

    private static Task<long> Count(IBoard board) => board.ScalarAsync("select count(*) from post");

    private async Task Write()
    {
        await using var connection = new NpgsqlConnection(_nodes.Master.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("insert into post (id, title) values (gen_random_uuid(), 'another')", connection);
        await command.ExecuteNonQueryAsync();
    }

    private static Dictionary<string, string?> Settings(string mode) => new()
    {
        ["Replicated:MonotonicReads"] = mode,
        ["Replicated:ReadYourWrites:WaitTimeout"] = "00:00:00.005",
    };
}
