using Microsoft.AspNetCore.Http;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>What tokens cost, counted on the wire between application and servers, once their connections are open.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(10), Promise(17)]
internal sealed class TokenRoundTripTests(UnitOfWork unit)
{
    private const string AskForPosition = "pg_current_wal_insert_lsn";

    private OwnNodes _nodes = null!;
    private CountedWire _master = null!;
    private CountedWire _slave = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _nodes = await OwnNodes.StartAsync();
        (_master, _slave) = (new CountedWire(_nodes.Master), new CountedWire(_nodes.Cluster.Slaves[0]));
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _master.DisposeAsync();
        await _slave.DisposeAsync();
        await _nodes.DisposeAsync();
    }

    [TearDown]
    public async Task Resume()
    {
        await _nodes.Cluster.Slaves[0].ResumeReplayAsync();
        await _nodes.Cluster.WaitForSlavesAsync();
    }

    [Test]
    public async Task An_untokened_read_costs_its_statement([Values("Auto", "Window", "Off")] string mode)
    {
        await using var app = await App(mode);
        Assert.That(await Count(() => app.WhereGet()), Is.EqualTo((0, 1)));
    }

    [Test]
    public async Task A_write_costs_no_more_than_without_tokens([Values("of the unit of work", "a statement")] string how)
    {
        Task Write(HttpContext context) => how == "a statement"
            ? context.Board().ExecuteAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'x')")
            : context.Board().AddAsync(Guid.NewGuid());
        await using var tokened = await App("Auto");
        await using var untokened = await App("Off");
        var (with, without) = (await Count(() => tokened.Post(Write)), await Count(() => untokened.Post(Write)));
        Assert.That((with, without), Is.EqualTo(((2, 0), (2, 0))), "the statement, and COMMIT with the position behind it");
    }

    [Test]
    public async Task A_write_that_its_database_committed_by_itself_costs_one_more()
    {
        await using var app = await App("Auto", ("Replicated:TransactionPerRequest", "false"));
        var cost = await Count(() => app.Post(context => context.Board().ExecuteAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'x')")));
        Assert.That(cost, Is.EqualTo((2, 0)));
    }

    [Test]
    public async Task A_tokened_read_costs_one_question_until_the_slave_is_known_to_have_the_write()
    {
        await using var app = await App("Auto");
        var client = new TokenClient(app);
        await client.Write();
        await _nodes.Cluster.WaitForSlavesAsync();
        var cookie = client.Cookie;
        Task Read()
        {
            client.Cookie = cookie;
            return client.Get(context => context.Board().WhereAsync());
        }

        var (unknown, known) = (await Once(Read), await Once(Read));
        Assert.That((unknown, known), Is.EqualTo(((0, 2), (0, 1))));
    }

    [Test]
    public async Task A_tokened_read_that_no_slave_can_serve_costs_one_question_before_it_goes_to_the_master()
    {
        await using var app = await App("Auto");
        await _nodes.Cluster.Slaves[0].PauseReplayAsync();
        var client = new TokenClient(app);
        await client.Write();
        Assert.That(await Count(() => client.Get(context => context.Board().WhereAsync())), Is.EqualTo((1, 1)));
        Assert.That(await Count(() => client.Get(context => context.Board().WhereAsync(), "/slave")), Is.EqualTo((0, 2)), "one that must not go there");
    }

    [Test]
    public async Task A_tokened_read_within_the_window_asks_nobody()
    {
        await using var app = await App("Window");
        var client = new TokenClient(app);
        await client.Write();
        Assert.That(await Count(() => client.Get(context => context.Board().WhereAsync())), Is.EqualTo((1, 0)));
    }

    [Test]
    public async Task Without_slaves_nobody_asks_for_positions([Values] bool transactions)
    {
        await using var app = await _nodes.App(
            unit, new() { ["Replicated:TransactionPerRequest"] = transactions ? "true" : "false" }, slaves: 0, connect: n => _master.Through(n.ConnectionString));
        var before = _master.Sent.Length;
        var cost = await Count(() => app.Post(context => context.Board().ExecuteAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'x')")));
        Assert.That(cost, Is.EqualTo((transactions ? 2 : 1, 0)));
        Assert.That(_master.Sent[before..], Does.Contain("insert into post").And.Not.Contain(AskForPosition));
    }

    private async Task<WorkApp> App(string mode, params (string Key, string Value)[] settings)
    {
        var all = settings.ToDictionary(s => s.Key, s => (string?)s.Value);
        all["Replicated:ReadYourWrites:Mode"] = mode;
        var app = await _nodes.QuietApp(unit, all, slaves: 1, n => (n == _nodes.Master ? _master : _slave).Through(n.ConnectionString));
        // The connections of every kind: of writes, of reads, and of reads that the master takes over.
        await Task.WhenAll(app.Post(c => c.Board().WhereAsync()), app.WhereGet());
        return app;
    }

    /// <summary>Of the second time: the first opens what is not open yet.</summary>
    private async Task<(int Master, int Slave)> Count(Func<Task> work)
    {
        await work();
        return await Once(work);
    }

    private async Task<(int Master, int Slave)> Once(Func<Task> work)
    {
        var (master, slave) = (_master.RoundTrips, _slave.RoundTrips);
        await work();
        return (_master.RoundTrips - master, _slave.RoundTrips - slave);
    }
}
