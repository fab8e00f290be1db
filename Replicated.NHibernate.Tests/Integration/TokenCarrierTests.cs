using System.Globalization;
using System.Net;
using Microsoft.Net.Http.Headers;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>How tokens travel: the cookie, the header, and what clients send that is no token.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(10)]
internal sealed class TokenCarrierTests(UnitOfWork unit)
{
    private OwnNodes _nodes = null!;
    private WorkApp _app = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _nodes = await OwnNodes.StartAsync();
        _app = await _nodes.QuietApp(unit);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _app.DisposeAsync();
        await _nodes.DisposeAsync();
    }

    [TearDown]
    public async Task Resume()
    {
        await Task.WhenAll(_nodes.Cluster.Slaves.Select(s => s.ResumeReplayAsync()));
        await _nodes.Cluster.WaitForSlavesAsync();
    }

    [Test]
    public async Task The_cookie_is_for_the_whole_site_out_of_scripts_reach_and_lives_as_long_as_tokens_count()
    {
        var reply = await _app.Post(context => context.Board().AddAsync(Guid.NewGuid()));
        var cookie = SetCookieHeaderValue.Parse(reply.Ok().CookieOfToken());
        Assert.That((cookie.Path.Value, cookie.HttpOnly, cookie.SameSite, cookie.MaxAge), Is.EqualTo(("/", true, SameSiteMode.Lax, TimeSpan.FromSeconds(60))));
        Assert.That((cookie.Secure, cookie.Domain.HasValue), Is.EqualTo((false, false)), "Over plain HTTP a secure cookie would not come back.");
    }

    [Test]
    public async Task A_client_without_cookies_sends_back_the_header_that_it_got()
    {
        await PauseAll();
        var written = await _app.Post(context => context.Board().AddAsync(Guid.NewGuid()));
        var read = await _app.Send(HttpMethod.Get, "/run", context => context.Board().WhereAsync(), headers: (TokenClient.Header, written.TokenHeader!));
        var without = await _app.Get(context => context.Board().WhereAsync());
        Assert.That((read.Route, read.SetCookies), Is.EqualTo(("role=slave; node=master; reason=token", Array.Empty<string>())));
        Assert.That(without.Route, Does.EndWith("reason=verb"));
    }

    [Test]
    public async Task The_cookie_goes_with_the_first_answer_after_every_slave_has_passed_it_that_has_looked_at_it()
    {
        await _nodes.Cluster.Slaves[0].PauseReplayAsync();
        var client = new TokenClient(_app);
        var id = await client.Write();
        var place = client.Cookie!.Split('.')[1];
        await _nodes.Cluster.Slaves[1].WaitUntilReplayedAsync(await _nodes.Master.CurrentLsnAsync());
        await _app.Sample();
        Assert.That((await client.Read(id)).Has && client.Cookie is not null, Is.True, "One slave has not passed it.");

        await Resume();
        await _app.Sample();
        var asset = await client.Get(_ => Task.CompletedTask);
        var onMaster = await client.Post(context => context.Board().WhereAsync());
        Assert.That((asset.SetCookies.Count, onMaster.SetCookies.Count), Is.EqualTo((0, 0)));
        var read = await client.Get(context => context.Board().WhereAsync());
        Assert.That(read.SetCookies, Is.EqualTo(new[] { $"{TokenClient.CookieName}.{place}=; max-age=0; path=/" }));
        Assert.That((client.Cookie, (await client.Get(context => context.Board().WhereAsync())).SetCookies.Count), Is.EqualTo(((string?)null, 0)));
    }

    [TestCase("", "an empty one")]
    [TestCase("nonsense", "a text")]
    [TestCase("-1.1-1", "a minus")]
    [TestCase("19a0c9f1c00.1-", "half a position")]
    [TestCase("19a0c9f1c00.1-zz", "no digits")]
    [TestCase("ffffffffffff", "a time beyond all dates")]
    [TestCase("19a0c9f1c00.ffffffffffffffffffffffffffffffff-fffffffffffffffff", "too long a position")]
    [TestCase("'; drop table post; --", "an attack")]
    [TestCase("%00%ff;=,\"", "what no cookie may hold")]
    public async Task What_is_no_token_is_ignored_and_its_cookie_taken_away(string text, string what)
    {
        var byHeader = await _app.Send(HttpMethod.Get, "/run", context => context.Board().WhereAsync(), headers: (TokenClient.Header, text));
        var byCookie = await _app.Send(HttpMethod.Get, "/run", context => context.Board().WhereAsync(), headers: ("Cookie", $"{TokenClient.CookieName}={text}"));
        Assert.That(new[] { byHeader.Ok().Route, byCookie.Ok().Route }, Is.All.EndsWith("reason=verb"), what);
        Assert.That(byHeader.SetCookies, Is.Empty);
        Assert.That(byCookie.SetCookies, Is.EqualTo(new[] { $"{TokenClient.CookieName}=; max-age=0; path=/" }));
    }

    [Test]
    public async Task Many_headers_and_a_huge_one_fail_nothing()
    {
        var several = await _app.Send(
            HttpMethod.Get, "/run", context => context.Board().WhereAsync(), headers: [(TokenClient.Header, "1"), (TokenClient.Header, "2"), (TokenClient.Header, "x")]);
        var huge = await _app.Send(HttpMethod.Get, "/run", context => context.Board().WhereAsync(), headers: (TokenClient.Header, new string('f', 20_000)));
        Assert.That((several.Status, huge.Status), Is.EqualTo((HttpStatusCode.OK, HttpStatusCode.OK)));
    }

    [Test]
    public async Task The_later_of_two_writes_counts_and_the_later_of_cookie_and_header([Values] bool laterByHeader)
    {
        var client = new TokenClient(_app);
        await client.Write();
        var first = client.Token;
        await _nodes.Cluster.WaitForSlavesAsync();
        await PauseAll();
        await client.Write();
        var second = client.Token;
        Assert.That(second.Position!.Value.Offset, Is.GreaterThan(first.Position!.Value.Offset));
        var (cookie, header) = laterByHeader ? (first, second) : (second, first);
        var read = await _app.Send(
            HttpMethod.Get,
            "/run",
            context => context.Board().WhereAsync(),
            headers: [(TokenClient.Header, header.ToString()), ("Cookie", $"{TokenClient.CookieName}={cookie}")]);
        Assert.That(read.Ok().Route, Is.EqualTo("role=slave; node=master; reason=token"));
    }

    [Test]
    public async Task One_answer_carries_one_token_however_often_its_request_committed()
    {
        var reply = await _app.Post(async context =>
        {
            await context.Board().ExecuteAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'x')");
            await using (var scope = _app.Sessions.BeginScope())
            {
                await _app.Services.NewBoard().ExecuteAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'x')");
                await scope.CommitAsync();
            }
        });
        var end = await _nodes.Master.EndOfLog();
        Assert.That(reply.Ok().Carried()?.Position?.Offset, Is.LessThanOrEqualTo(end));
    }

    [Test]
    public async Task A_token_says_when_it_was_written_in_the_text_of_both_carriers()
    {
        var reply = await _app.Post(context => context.Board().AddAsync(Guid.NewGuid()));
        var token = reply.Ok().Carried();
        Assert.That(token?.ToString(), Is.EqualTo(reply.TokenHeader));
        Assert.That(reply.TokenHeader, Does.StartWith(token!.Value.WrittenAt.ToUnixTimeMilliseconds().ToString("x", CultureInfo.InvariantCulture) + "."));
    }

    private Task PauseAll() => Task.WhenAll(_nodes.Cluster.Slaves.Select(s => s.PauseReplayAsync()));
}
