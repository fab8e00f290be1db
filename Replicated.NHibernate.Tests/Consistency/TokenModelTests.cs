using Replicated.NHibernate.Consistency;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Consistency;

/// <summary>A million interleavings of one client's requests: no write that it has heard of is ever forgotten.</summary>
[Promise(10)]
internal sealed class TokenModelTests
{
    [TestCase(4, 600_000)]
    [TestCase(20, 300_000)]
    [TestCase(100, 100_000)]
    public void No_token_is_lost_and_there_are_no_more_cookies_than_requests_in_flight(int inFlight, int steps)
    {
        using var app = new TokenApp(slaves: 2, settings: ("Replicated:ReadYourWrites:TokenLifetime", "1.00:00:00"));
        var model = new TokenModel(app, ModelOf.CookieForEachWrite, inFlight, withoutPlaces: false, seed: 11).Run(steps);
        TestContext.Out.WriteLine($"{inFlight} in flight, {steps} steps, {model.Writes} writes: {model.Lost} lost, at most {model.MostCookies} cookies, at most {model.MostDeletions} deletions");
        Assert.That(model.Lost, Is.Zero);
        Assert.That(model.MostCookies, Is.LessThanOrEqualTo(inFlight));
        Assert.That(model.MostDeletions, Is.GreaterThan(0).And.LessThanOrEqualTo(TokenCookie.MostDeletions));
    }

    [TestCase(4)]
    [TestCase(20)]
    public void Commits_without_a_place_are_not_lost_either(int inFlight)
    {
        using var app = new TokenApp(slaves: 2, settings: ("Replicated:ReadYourWrites:TokenLifetime", "1.00:00:00"));
        var model = new TokenModel(app, ModelOf.CookieForEachWrite, inFlight, withoutPlaces: true, seed: 12).Run(200_000);
        Assert.That(model.Lost, Is.Zero);
        Assert.That(model.MostCookies, Is.LessThanOrEqualTo(2 * inFlight), "Neither kind deletes the other.");
    }

    [Test]
    public void With_a_single_cookie_for_all_writes_tokens_are_lost([Values(4, 20, 100)] int inFlight)
    {
        using var app = new TokenApp(slaves: 2, settings: ("Replicated:ReadYourWrites:TokenLifetime", "1.00:00:00"));
        Assert.That(new TokenModel(app, ModelOf.SingleCookie, inFlight, withoutPlaces: false, seed: 13).Run(100_000).Lost, Is.GreaterThan(0), "or the model shows nothing");
    }
}
