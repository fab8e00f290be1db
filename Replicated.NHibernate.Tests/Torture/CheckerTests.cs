namespace Replicated.NHibernate.Tests.Torture;

/// <summary>The checker finds each kind of violation where one was planted, and nothing where there is none.</summary>
internal sealed class CheckerTests
{
    private static readonly Leftover Nothing = new(0, 0, 0);

    private static Operation[] Good =>
    [
        Write(1, at: 1),
        Read(1, at: 2),
        Write(2, at: 3),
        Read(2, at: 4) with { Kind = OperationKind.ReadTwice, Seen = [2, 2] },
        Write(3, at: 5) with { Status = 503, HasRetryAfter = true },
        Write(4, at: 6) with { Kind = OperationKind.Abort, Status = null },
        Read(2, at: 7) with { Client = 2, Kind = OperationKind.ReadOther },
    ];

    private static HashSet<(int Owner, int Number)> Written => [(1, 1), (1, 2)];

    [Test]
    public void History_without_a_violation_is_good([Values] bool abortedIsDone) =>
        Assert.That(Checker.Check(Good, [], abortedIsDone ? [.. Written, (1, 4)] : Written, Nothing), Is.Empty);

    [Test]
    public void Own_write_that_is_not_read_is_found() => MustFind(Checker.StaleOwnRead, [.. Good, Read(1, at: 8) with { Client = 1, Owner = 1 }]);

    [Test]
    public void Own_write_that_the_read_did_not_wait_for_is_none() =>
        Assert.That(Checker.Check([Write(1, at: 1), Write(2, at: 2) with { Ended = At(9) }, Read(1, at: 3)], [], Written, Nothing), Is.Empty);

    [Test]
    public void Read_that_goes_back_is_found() => MustFind(Checker.WentBack, [.. Good, Read(1, at: 8) with { Client = 2 }]);

    [Test]
    public void Read_that_goes_back_within_a_request_is_found() => MustFind(Checker.WentBack, [.. Good, Read(2, at: 8) with { Client = 3, Seen = [2, 1] }]);

    [Test]
    public void Acknowledged_write_that_is_lost_is_found() => MustFind(Checker.LostWrite, [.. Good, Write(5, at: 8)]);

    [TestCase(503)]
    [TestCase(409)]
    public void Write_that_was_done_though_it_was_refused_is_found(int status) =>
        MustFind(Checker.RefusedWrite, [.. Good, Write(6, at: 8) with { Status = status, HasRetryAfter = true }], [.. Written, (1, 6)]);

    [TestCase(500, false)]
    [TestCase(500, true)]
    [TestCase(503, false)]
    [TestCase(502, true)]
    public void Failure_other_than_503_with_retry_after_is_found(int status, bool retryAfter) =>
        MustFind(Checker.BareFailure, [.. Good, Read(2, at: 8) with { Status = status, HasRetryAfter = retryAfter }]);

    [Test]
    public void Failure_of_a_statement_in_flight_is_a_limit_with_a_name() =>
        Assert.That(Checker.Check([.. Good, Read(2, at: 8) with { Status = 500, WasInFlight = true }], [], Written, Nothing).Select(f => (f.Kind, f.IsLimit)), Is.EqualTo(new[] { (Checker.InFlight, true) }));

    [TestCase(1, 0, 0)]
    [TestCase(0, 1, 0)]
    [TestCase(0, 0, 1)]
    public void What_is_left_over_is_found(int connections, int fallbacks, int transactions) =>
        Assert.That(Checker.Check(Good, [], Written, new(connections, fallbacks, transactions)).Select(f => f.Kind), Is.EqualTo(new[] { Checker.Left }));

    [TestCase("reason=stale", "master", Checker.MasterAway)]
    [TestCase("reason=stale", "slave-1", Checker.StaleOwnRead)]
    [TestCase("reason=verb", "master", Checker.StaleOwnRead)]
    public void Stale_read_is_a_limit_only_where_the_master_was_away_and_the_answer_says_so(string route, string node, string kind) =>
        Assert.That(
            Checker.Check([Write(1, at: 1), Read(0, at: 2) with { Route = route }], [new Disturbance("hang", node, At(1.5), At(3))], Written, Nothing).Select(f => f.Kind),
            Is.EqualTo(new[] { kind }));

    private static void MustFind(string kind, Operation[] history, HashSet<(int, int)>? written = null) =>
        Assert.That(Checker.Check(history, [], written ?? Written, Nothing).Where(f => !f.IsLimit).Select(f => f.Kind).Distinct(), Does.Contain(kind));

    private static Operation Write(int number, double at) => new(1, OperationKind.Write, 1) { Number = number, Began = At(at), Ended = At(at + 0.5), Status = 200 };

    private static Operation Read(int seen, double at) => new(1, OperationKind.ReadOwn, 1) { Began = At(at), Ended = At(at + 0.5), Status = 200, Seen = [seen] };

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);
}
