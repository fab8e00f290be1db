using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Consistency;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Nodes;

/// <summary>Asking in the background: when, whom, and what becomes of it.</summary>
[Promise(10), FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class PositionSamplerTests : IDisposable
{
    private static readonly string[] Everybody = ["master: master", "s0: slave", "s1: slave"];

    private readonly MarkApp _app = new(slaves: 2);
    private readonly PositionSampler _sampler;

    public PositionSamplerTests()
    {
        _sampler = _app.Sampler;
        Positions.Are(("master", 100), ("s0", 90), ("s1", 80));
    }

    private FakePositions Positions => _app.Servers.Positions!;

    private IEnumerable<NodeReading?> Readings => _app.Pool.Slaves.Prepend(_app.Pool.Master).Select(n => n.Reading);

    private IEnumerable<ulong?> Known => Readings.Select(r => r?.Position.Offset);

    public void Dispose()
    {
        _sampler.Dispose();
        _app.Dispose();
    }

    [Test]
    public async Task Nobody_is_asked_before_somebody_wrote()
    {
        await _sampler.Round(default);
        Assert.That((Positions.Questions.Count, _app.Servers.Opened), Is.EqualTo((0, 0)));
    }

    [Test]
    public async Task Each_server_is_asked_once_a_round_on_a_connection_that_is_kept()
    {
        Write();
        await _sampler.Round(default);
        Assert.That(Positions.Questions.Order(), Is.EqualTo(Everybody));
        Assert.That(Known, Is.EqualTo(new ulong?[] { 100, 90, 80 }));
        Positions.Are(("master", 110), ("s0", 110));
        _app.Clock.Advance(TimeSpan.FromSeconds(1));
        await _sampler.Round(default);
        Assert.That(Known, Is.EqualTo(new ulong?[] { 110, 110, 80 }));
        Assert.That(Readings.Select(r => r!.At), Is.All.EqualTo(_app.Clock.GetUtcNow()));
        Assert.That((Positions.Questions.Count, _app.Servers.Opened), Is.EqualTo((6, 3)));
    }

    [Test]
    public async Task It_rests_without_a_connection_once_the_last_mark_is_too_old()
    {
        Write();
        await _sampler.Round(default);
        _app.Clock.Advance(TimeSpan.FromSeconds(59));
        await _sampler.Round(default);
        Assert.That((Positions.Questions.Count, _app.Servers.Open), Is.EqualTo((6, 3)));
        _app.Clock.Advance(TimeSpan.FromSeconds(1));
        await _sampler.Round(default);
        Assert.That((Positions.Questions.Count, _app.Servers.Open), Is.EqualTo((6, 0)));
        _app.Rules.GoalOf(_app.Written(TimeSpan.FromSeconds(1), 100));
        await _sampler.Round(default);
        Assert.That((Positions.Questions.Count, _app.Servers.Open), Is.EqualTo((9, 3)), "A client that came back wakes it, by whatever carrier.");
    }

    [Test, Promise(13)]
    public async Task What_a_server_said_before_it_failed_does_not_hold_any_more([Values("the question", "connecting", "the answer")] string what)
    {
        Write();
        await _sampler.Round(default);
        switch (what)
        {
            case "the question": Positions.Fails("s0"); break;
            // Whatever the application's own class throws: it must not end the application.
            case "the answer": Positions.Servers["s0"] = _ => throw new InvalidCastException(); break;
            default:
                _app.Clock.Advance(TimeSpan.FromSeconds(60));
                await _sampler.Round(default);
                Write();
                _app.Servers.Fails("s0");
                break;
        }

        await _sampler.Round(default);
        Assert.That((Known, _app.Servers.Open), Is.EqualTo((new ulong?[] { 100, null, 80 }, 2)));
        _app.Servers.Down.Clear();
        Positions.Are(("s0", 95));
        await _sampler.Round(default);
        Assert.That((Known, _app.Servers.Open), Is.EqualTo((new ulong?[] { 100, 95, 80 }, 3)));
    }

    [Test]
    public async Task A_server_that_cannot_tell_is_not_known_any_more()
    {
        Write();
        await _sampler.Round(default);
        Positions.Servers["s1"] = _ => Task.FromResult<Position?>(null);
        await _sampler.Round(default);
        Assert.That((Known, _app.Servers.Open), Is.EqualTo((new ulong?[] { 100, 90, null }, 3)));
    }

    [Test, Promise(13)]
    public async Task A_server_that_hangs_is_given_up_after_the_timeout_and_the_others_are_known()
    {
        Write();
        Positions.Servers["s0"] = async token =>
        {
            await Task.Delay(Timeout.Infinite, token);
            return null;
        };
        var round = _sampler.Round(default);
        _app.Clock.Advance(TimeSpan.FromSeconds(0.999));
        Assert.That(round.IsCompleted, Is.False);
        _app.Clock.Advance(TimeSpan.FromSeconds(0.001));
        await round;
        Assert.That((Known, _app.Servers.Open), Is.EqualTo((new ulong?[] { 100, null, 80 }, 2)));
    }

    [Test]
    public async Task It_asks_at_once_then_once_in_each_interval_and_closes_its_connections_when_it_is_stopped()
    {
        using var asked = Watch();
        Write();
        await _sampler.StartAsync(default);
        await Round(asked);
        for (var round = 1; round <= 3; round++)
        {
            Assert.That(Positions.Questions, Has.Count.EqualTo(round * 3));
            _app.Clock.Advance(TimeSpan.FromSeconds(0.999));
            Assert.That(Positions.Questions, Has.Count.EqualTo(round * 3), "Not before its time.");
            _app.Clock.Advance(TimeSpan.FromSeconds(0.001));
            await Round(asked);
        }

        await _sampler.StopAsync(default);
        Assert.That(_app.Servers.Open, Is.Zero);
    }

    [Test]
    public async Task The_first_mark_wakes_it_at_once()
    {
        using var asked = Watch();
        await _sampler.StartAsync(default);
        await _app.Clock.FirstTimer;
        Assert.That(Positions.Questions, Is.Empty);
        Write();
        await Round(asked);
        Assert.That(Positions.Questions, Has.Count.EqualTo(3));
        await _sampler.StopAsync(default);
    }

    [Test]
    public async Task Where_no_places_are_told_it_does_nothing()
    {
        using var app = new MarkApp(positions: false);
        using var sampler = app.Sampler;
        await sampler.StartAsync(default);
        await sampler.ExecuteTask!.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.That((app.Clock.FirstTimer.IsCompleted, app.Servers.Opened), Is.EqualTo((false, 0)));
    }

    private SemaphoreSlim Watch()
    {
        var asked = new SemaphoreSlim(0);
        Positions.Asked = () => asked.Release();
        return asked;
    }

    private static async Task Round(SemaphoreSlim asked)
    {
        for (var server = 0; server < 3; server++)
        {
            Assert.That(await asked.WaitAsync(TimeSpan.FromSeconds(30)), Is.True);
        }
    }

    private void Write() => _app.Rules.Written(new Position(1, 100));
}
