using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Consistency;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Nodes;

/// <summary>Asking in the background: when, whom, and what becomes of it.</summary>
[Promise(13), FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class ProberTests : IDisposable
{
    private static readonly string[] Everybody = ["master: status", "s0: status", "s1: status"];

    private readonly TokenApp _app = new(slaves: 2);
    private readonly Prober _prober;

    public ProberTests()
    {
        _prober = _app.Prober;
        Positions.Are(("master", 100), ("s0", 100), ("s1", 100));
    }

    private FakePositions Positions => _app.Servers.Positions!;

    private IEnumerable<Node> Nodes => _app.Pool.Slaves.Prepend(_app.Pool.Master);

    private IEnumerable<ulong?> Known => Nodes.Select(n => n.Reading?.Position.Offset);

    private IEnumerable<NodeState> States => Nodes.Select(n => n.Health.State);

    public void Dispose()
    {
        _prober.Dispose();
        _app.Dispose();
    }

    [Test]
    public async Task Each_server_is_asked_once_a_round_on_a_connection_that_is_kept()
    {
        await _prober.Round(default);
        Assert.That(Positions.Questions.Order(), Is.EqualTo(Everybody));
        Assert.That(Known, Is.EqualTo(new ulong?[] { 100, 100, 100 }));
        Assert.That(States, Is.All.EqualTo(NodeState.Up));
        Positions.Are(("master", 110), ("s0", 110));
        _app.Clock.Advance(TimeSpan.FromSeconds(1));
        await _prober.Round(default);
        Assert.That(Known, Is.EqualTo(new ulong?[] { 110, 110, 100 }));
        Assert.That(Nodes.Select(n => n.Reading!.At), Is.All.EqualTo(_app.Clock.GetUtcNow()));
        Assert.That((Positions.Questions.Count, _app.Servers.Opened), Is.EqualTo((6, 3)));
    }

    [Test]
    public async Task A_server_that_cannot_be_connected_to_is_down_and_up_again_as_soon_as_it_answers()
    {
        _app.Servers.Fails("s0");
        await _prober.Round(default);
        Assert.That(States, Is.EqualTo(new[] { NodeState.Up, NodeState.Down, NodeState.Up }));
        Assert.That((Known, _app.Servers.Open), Is.EqualTo((new ulong?[] { 100, null, 100 }, 2)));
        _app.Servers.Down.Clear();
        await _prober.Round(default);
        Assert.That((States, _app.Servers.Open), Is.EqualTo((new[] { NodeState.Up, NodeState.Up, NodeState.Up }, 3)));
    }

    [Test]
    public async Task A_server_that_does_not_know_the_question_is_not_asked_it_on_every_connection_of_the_pool()
    {
        var trials = 0;
        Positions.Trial = () =>
        {
            trials++;
            throw new NotSupportedException();
        };
        _app.Servers.Fails("s0");
        await _prober.Round(default);
        _app.Servers.Down.Clear();
        await _prober.Round(default);
        Assert.That((trials, States), Is.EqualTo((1, new[] { NodeState.Up, NodeState.Up, NodeState.Up })));
    }

    [Test]
    public async Task A_connection_that_somebody_ended_does_not_make_its_server_a_lost_one()
    {
        await _prober.Round(default);
        var asked = 0;
        Positions.Servers["s0"] = _ => asked++ == 0 ? throw new IOException("ended") : Task.FromResult<Position?>(new Position(1, 100));
        await _prober.Round(default);
        Assert.That((States, asked, _app.Servers.Open), Is.EqualTo((new[] { NodeState.Up, NodeState.Up, NodeState.Up }, 2, 3)));
    }

    [Test]
    public async Task What_a_server_said_before_it_failed_does_not_hold_any_more([Values("the question", "the answer")] string what)
    {
        await _prober.Round(default);
        // Whatever the application's own class throws: it must not end the application.
        Positions.Servers["s0"] = what == "the question" ? _ => throw new TimeoutException() : _ => throw new InvalidCastException();
        await _prober.Round(default);
        Assert.That((Known, States, _app.Servers.Open), Is.EqualTo((new ulong?[] { 100, null, 100 }, new[] { NodeState.Up, NodeState.Down, NodeState.Up }, 2)));
    }

    [Test]
    public async Task A_server_that_cannot_tell_its_place_is_used_and_its_place_not_known()
    {
        await _prober.Round(default);
        Positions.Servers["s1"] = _ => Task.FromResult<Position?>(null);
        await _prober.Round(default);
        Assert.That((Known, States, _app.Servers.Open), Is.EqualTo((new ulong?[] { 100, 100, null }, new[] { NodeState.Up, NodeState.Up, NodeState.Up }, 3)));
    }

    [Test]
    public async Task A_server_that_hangs_is_down_after_the_timeout_and_holds_up_nobody()
    {
        using var asked = Watch();
        Positions.Servers["s0"] = async token =>
        {
            await Task.Delay(Timeout.Infinite, token);
            return null;
        };
        await _prober.StartAsync(default);
        await Asked(asked, 3);
        await _app.Clock.Waiting(2);
        _app.Clock.Advance(TimeSpan.FromSeconds(0.999));
        Assert.That(Nodes.ElementAt(1).Health.State, Is.EqualTo(NodeState.Unknown));
        // The others were asked again meanwhile, the one that hangs was not.
        await Asked(asked, 2);
        _app.Clock.Advance(TimeSpan.FromSeconds(0.001));
        Assert.That(() => States, Is.EqualTo(new[] { NodeState.Up, NodeState.Down, NodeState.Up }).After(30_000, 1));
        await _prober.StopAsync(default);
    }

    [Test]
    public async Task It_asks_at_once_then_once_in_each_interval_and_closes_its_connections_when_it_is_stopped()
    {
        using var asked = Watch();
        await _prober.StartAsync(default);
        for (var round = 1; round <= 4; round++)
        {
            await Asked(asked, 3);
            // The interval is shortened by up to a tenth, by chance, so that several instances do not ask all at once for ever.
            var left = await _app.Clock.Waiting(1);
            Assert.That(left, Is.InRange(TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(1)));
            _app.Clock.Advance(left - TimeSpan.FromTicks(1));
            Assert.That(Positions.Questions, Has.Count.EqualTo(round * 3), "Not before its time.");
            _app.Clock.Advance(TimeSpan.FromTicks(1));
        }

        await Asked(asked, 3);
        await _app.Clock.Waiting(1);
        Assert.That(Positions.Questions, Has.Count.EqualTo(15));
        await _prober.StopAsync(default);
        Assert.That(_app.Servers.Open, Is.Zero);
    }

    [Test]
    public async Task A_connection_that_broke_in_use_has_its_server_asked_at_once()
    {
        using var asked = Watch();
        await _prober.StartAsync(default);
        await Asked(asked, 3);
        await _app.Clock.Waiting(1);
        Assert.That(States, Is.All.EqualTo(NodeState.Up));
        var opened = await _app.Pool.OpenSlave(default, strict: true, async: true, default);
        await opened.Connection.CloseAsync();
        await _app.Pool.Close(opened, async: true);
        await Asked(asked, 1);
        Assert.That(Positions.Questions.Last(), Is.EqualTo($"{opened.Node.Name}: status"));
        Assert.That(() => States, Is.All.EqualTo(NodeState.Up).After(30_000, 1));
        await _prober.StopAsync(default);
    }

    [Test]
    public async Task Where_there_is_no_slave_nobody_is_asked([Values] bool positions)
    {
        using var app = new TokenApp(slaves: 0, positions: positions);
        using var prober = app.Prober;
        await prober.StartAsync(default);
        await app.Clock.Waiting(1).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.That(app.Servers.Opened, Is.EqualTo(positions ? 0 : 1), "Once, to hear which database it is.");
        await prober.StopAsync(default);
    }

    [Test]
    public async Task Connecting_for_the_first_time_may_take_longer_than_a_question()
    {
        var connecting = new TaskCompletionSource();
        _app.Servers.Opening = name => name == "s0" ? connecting.Task : Task.CompletedTask;
        await _prober.StartAsync(default);
        await _app.Clock.Waiting(2);
        _app.Clock.Advance(TimeSpan.FromSeconds(4.999));
        var before = Nodes.ElementAt(1).Health.State;
        _app.Clock.Advance(TimeSpan.FromSeconds(0.001));
        Assert.That(() => States.ElementAt(1), Is.EqualTo(NodeState.Down).After(30_000, 1));
        Assert.That(before, Is.EqualTo(NodeState.Unknown));
        connecting.SetResult();
        await _prober.StopAsync(default);
    }

    [Test]
    public async Task An_answer_that_this_process_had_no_time_to_hear_is_nothing_to_hold_against_the_server([Values] bool late)
    {
        var time = new HandTime();
        var servers = FakeServers.WithPositions();
        servers.Positions!.Servers["s0"] = token => Task.Delay(Timeout.Infinite, token).ContinueWith<Position?>(_ => null, TaskScheduler.Default);
        await using var services = servers.Services(1, time);
        var pool = services.GetRequiredService<NodePool>();
        using var prober = services.GetServices<IHostedService>().OfType<Prober>().Single();
        var round = prober.Round(default);
        time.Passed = TimeSpan.FromSeconds(late ? 2.001 : 1);
        time.CallTimers();
        await round.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.That(pool.Slaves[0].Health.State, Is.EqualTo(late ? NodeState.Unknown : NodeState.Down));
    }

    private SemaphoreSlim Watch()
    {
        var asked = new SemaphoreSlim(0);
        Positions.Asked = () => asked.Release();
        return asked;
    }

    private static async Task Asked(SemaphoreSlim asked, int times)
    {
        for (var i = 0; i < times; i++)
        {
            Assert.That(await asked.WaitAsync(TimeSpan.FromSeconds(30)), Is.True);
        }
    }
}

/// <summary>Time and timers that a test moves apart, as a process does that gets no processor.</summary>
internal sealed class HandTime : TimeProvider
{
    private readonly List<Action> _timers = [];

    public TimeSpan Passed { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => 1 + Passed.Ticks;

    public void CallTimers() => _timers.ForEach(call => call());

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        _timers.Add(() => callback(state));
        return new Timer(static _ => { }, state: null, Timeout.Infinite, Timeout.Infinite);
    }
}
