using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Nodes;

/// <summary>Slaves that come, go and change their weight while the application runs.</summary>
[Promise(13), FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class SlaveReloadTests : IAsyncDisposable
{
    private const int Refused = 7;

    private NodesApp _app = null!;

    [SetUp]
    public async Task Start()
    {
        _app = new NodesApp(2, null, ("Replicated:LoadBalancing", "RoundRobin"));
        _app.Positions.Are(("master", 100), ("s0", 100), ("s1", 100), ("s2", 100));
        await _app.Sample();
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    [Test]
    public async Task One_that_is_added_is_used_at_once_and_asked_with_the_next_round()
    {
        _app.Set(("Replicated:Slaves:2:Name", "s2"), ("Replicated:Slaves:2:ConnectionString", "Server=s2"), ("Replicated:Slaves:2:Weight", "3"));
        Assert.That(await _app.Reads(), Is.EqualTo(new[] { "s0", "s1", "s2" }));
        Assert.That(_app.Log.Messages(NodesApp.SlavesNow).Single(), Is.EqualTo("The slaves are now: s0 (weight 1), s1 (weight 1), s2 (weight 3)."));
        await _app.Sample(1);
        Assert.That(_app.NodeRegistry.Slaves.Select(_app.NodeRegistry.StateOf), Is.All.EqualTo(NodeState.Up));
        Assert.That(_app.Servers.Opened, Is.EqualTo(20 + 4), "The others are still asked on the connections they had.");
    }

    [Test]
    public async Task Whoever_reads_from_one_that_is_taken_away_finishes_there()
    {
        var held = await Held("s1");
        _app.Set(("Replicated:Slaves:1:Name", null), ("Replicated:Slaves:1:ConnectionString", null));
        Assert.That(await _app.Reads(), Is.EqualTo(new[] { "s0" }));
        var again = await _app.Pool.OpenPinned(held.Node, server: null, async: true, default);
        Assert.That((again.Node.Name, held.Node.InUse), Is.EqualTo(("s1", 2)));
        await _app.Pool.Close(again, async: true);
        await _app.Pool.Close(held, async: true);
        _app.Positions.Questions.Clear();
        await _app.Sample(1);
        Assert.That(_app.Positions.Questions.Order(), Is.EqualTo(new[] { "master: status", "s0: status" }));
        Assert.That((held.Node.InUse, _app.Servers.Open), Is.EqualTo((0, 2)), "Its probe's connection is closed too.");
    }

    [Test]
    public async Task A_weight_changes_and_what_is_known_of_the_slave_stays()
    {
        var before = _app.Slave(1);
        _app.Set(("Replicated:Slaves:1:Weight", "3"));
        var counts = new Dictionary<string, int>();
        for (var i = 0; i < 400; i++)
        {
            var opened = await _app.Pool.OpenSlave(default, strict: false, async: true, default);
            counts[opened.Node.Name] = counts.GetValueOrDefault(opened.Node.Name) + 1;
            await _app.Pool.Close(opened, async: true);
        }

        Assert.That(counts, Is.EqualTo(new Dictionary<string, int> { ["s0"] = 100, ["s1"] = 300 }));
        Assert.That((_app.Slave(1) == before, _app.State(1)), Is.EqualTo((true, "Up")));
    }

    [Test]
    public async Task Name_in_another_case_is_the_same_slave()
    {
        var before = _app.Slave(1);
        _app.Set(("Replicated:Slaves:1:Name", "S1"));
        Assert.That((_app.Slave(1) == before, _app.State(1), await _app.Reads()), Is.EqualTo((true, "Up", new[] { "s0", "s1" })));
    }

    [Test]
    public async Task Reload_that_is_refused_changes_no_other_setting_either()
    {
        await using var app = new NodesApp(0);
        var settings = app.Services.GetRequiredService<Replicated.NHibernate.Settings.OptionsSnapshot>();
        app.Set(("Replicated:Slaves:0:Name", "s0"), ("Replicated:Slaves:0:ConnectionString", "Server=s0"), ("Replicated:RouteHeader", "true"));
        Assert.That((app.Log.Messages(Refused).Count(), settings.Value.RouteHeader), Is.EqualTo((1, false)));
    }

    [Test]
    public async Task One_that_has_another_connection_string_is_another_server()
    {
        var before = _app.Slave(1);
        _app.Set(("Replicated:Slaves:1:ConnectionString", "Server=s2"));
        Assert.That((_app.Slave(1) == before, _app.State(1)), Is.EqualTo((false, "Unknown")));
        await _app.Sample(1);
        Assert.That(_app.Positions.Questions, Does.Contain("s2: status"));
    }

    [Test]
    public async Task A_list_that_is_wrong_is_refused_and_the_former_stays([Values("no string", "two of a name")] string how)
    {
        _app.Set(how == "no string" ? [("Replicated:Slaves:2:Name", "s2")] : [("Replicated:Slaves:1:Name", "s0")]);
        Assert.That((_app.Log.Messages(Refused).Count(), await _app.Reads()), Is.EqualTo((1, new[] { "s0", "s1" })));
    }

    [Test]
    public async Task Without_any_at_the_start_the_first_one_needs_a_restart()
    {
        await using var app = new NodesApp(0);
        app.Set(("Replicated:Slaves:0:Name", "s0"), ("Replicated:Slaves:0:ConnectionString", "Server=s0"));
        Assert.That(app.Log.Messages(Refused).Single(), Does.Contain("Restart it to add the first"));
        Assert.That(app.Pool.HasSlaves, Is.False);
    }

    [Test]
    public async Task Where_the_last_one_is_taken_away_the_master_answers()
    {
        _app.Set([.. Enumerable.Range(0, 2).SelectMany(i => new (string, string?)[] { ($"Replicated:Slaves:{i}:Name", null), ($"Replicated:Slaves:{i}:ConnectionString", null) })]);
        Assert.That((_app.Pool.HasSlaves, await _app.Reads()), Is.EqualTo((false, new[] { "master" })));
    }

    [Test]
    public void Another_master_needs_a_restart_which_is_said_once()
    {
        _app.Set(("ConnectionStrings:Master", "Server=elsewhere"));
        _app.Set(("Replicated:RouteHeader", "true"));
        Assert.That((_app.Log.Messages(NodesApp.MasterLater).Count(), _app.NodeRegistry.Master.ConnectionString), Is.EqualTo((1, "Server=master")));
    }

    private async Task<NodeConnection> Held(string slave)
    {
        while (true)
        {
            var opened = await _app.Pool.OpenSlave(default, strict: false, async: true, default);
            if (opened.Node.Name == slave)
            {
                return opened;
            }

            await _app.Pool.Close(opened, async: true);
        }
    }
}
