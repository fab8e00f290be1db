using System.Globalization;
using Replicated.NHibernate.Consistency;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>One client, several requests at a time.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(10)]
internal sealed class ParallelTokenTests(UnitOfWork unit)
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
    public async Task Read_that_is_answered_after_a_newer_write_leaves_the_newer_writes_cookie()
    {
        var client = new TokenClient(_app);
        await client.Write();
        await SlavesHaveEverything();
        await PauseAll();
        var (reads, answers) = (new TaskCompletionSource(), new TaskCompletionSource());
        var polling = client.Get(async context =>
        {
            await context.Board().WhereAsync();
            reads.SetResult();
            await answers.Task;
        });
        await reads.Task;
        var written = await client.Write();
        answers.SetResult();
        Assert.That((await polling).Ok().DeletedCookies(), Has.Length.EqualTo(1), "The older one, which every slave has passed.");
        var (_, has, route) = await client.Read(written);
        Assert.That((has, route), Is.EqualTo((true, "role=slave; node=master; reason=token")));
    }

    [Test]
    public async Task Write_that_is_answered_after_a_newer_one_does_not_replace_it()
    {
        await PauseAll();
        var client = new TokenClient(_app);
        var (wrote, answers) = (new TaskCompletionSource(), new TaskCompletionSource());
        var slow = client.Post(async context =>
        {
            await using (var scope = _app.Sessions.BeginScope())
            {
                await _app.Services.NewBoard().ExecuteAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'the older one')");
                await scope.CommitAsync();
            }

            wrote.SetResult();
            await answers.Task;
        });
        await wrote.Task;
        var newer = (await client.Post(context => context.Board().AddAsync(Guid.NewGuid()))).Ok().Carried();
        answers.SetResult();
        Assert.That((await slow).Ok().Carried()!.Value.Position!.Value.Offset, Is.LessThan(newer!.Value.Position!.Value.Offset));
        Assert.That(client.Token.Position, Is.EqualTo(newer.Value.Position));
    }

    [Test]
    public async Task Sixteen_writes_in_parallel_leave_the_applications_own_cookies_in_a_CookieContainer()
    {
        string[] own = ["session", "antiforgery", "language"];
        var client = new TokenClient(_app);
        Array.ForEach(own, client.Keep);
        var all = new TaskCompletionSource();
        var inside = 0;
        await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => client.Post(async context =>
        {
            await context.Board().AddAsync(Guid.NewGuid());
            if (Interlocked.Increment(ref inside) == 16)
            {
                all.SetResult();
            }

            await all.Task;
        })));
        Assert.That(client.Cookies, Is.SupersetOf(own).And.Length.InRange(4, 19));
        await client.Write();
        Assert.That(client.Cookies, Has.Exactly(4).Items, "The next write deletes the others.");
    }

    [Test]
    public async Task Of_several_tokens_in_the_header_the_highest_decides([Values("one line", "lines")] string form)
    {
        var first = (await _app.Post(context => context.Board().AddAsync(Guid.NewGuid()))).TokenHeader!;
        await SlavesHaveEverything();
        await PauseAll();
        var second = (await _app.Post(context => context.Board().AddAsync(Guid.NewGuid()))).TokenHeader!;
        (string, string)[] headers = form == "lines" ? [(TokenClient.Header, second), (TokenClient.Header, first)] : [(TokenClient.Header, $"{first},nonsense, {second} ,{first}")];
        var read = await _app.Send(HttpMethod.Get, "/run", context => context.Board().WhereAsync(), headers: headers);
        var older = await _app.Send(HttpMethod.Get, "/run", context => context.Board().WhereAsync(), headers: (TokenClient.Header, $"{first},{first}"));
        Assert.That(read.Ok().Route, Is.EqualTo("role=slave; node=master; reason=token"));
        Assert.That(older.Ok().Route, Does.EndWith("reason=verb"));
    }

    [TestCase(TokenReader.MostTokens - 1, ExpectedResult = "token")]
    [TestCase(TokenReader.MostTokens, ExpectedResult = "verb")]
    public async Task<string> What_a_client_can_have_read_is_bounded(int before)
    {
        await PauseAll();
        var written = (await _app.Post(context => context.Board().AddAsync(Guid.NewGuid()))).TokenHeader!;
        var header = string.Join(',', Enumerable.Repeat("1", before).Append(written));
        var read = await _app.Send(HttpMethod.Get, "/run", context => context.Board().WhereAsync(), headers: (TokenClient.Header, header));
        return read.Ok().Route!.Split("reason=")[1];
    }

    [Test]
    public async Task One_response_deletes_at_most_sixteen_cookies()
    {
        var cookies = string.Join("; ", Enumerable.Range(0, 40).Select(i => string.Create(CultureInfo.InvariantCulture, $"{TokenClient.CookieName}.1-{i:x}=no token")));
        var read = await _app.Send(HttpMethod.Get, "/run", context => context.Board().WhereAsync(), headers: ("Cookie", cookies));
        Assert.That(read.Ok().DeletedCookies().Distinct().Count(), Is.EqualTo(TokenCookie.MostDeletions));
    }

    [TestCase("replicated-token-client=1", TestName = "Cookie_of_another_name_is_left_alone")]
    [TestCase("replicated-token.g=1", TestName = "Cookie_whose_name_no_response_sets_is_left_alone")]
    [TestCase("replicated-token.1-1.1=1", TestName = "Cookie_of_an_application_with_a_longer_name_is_left_alone")]
    public async Task Foreign(string cookie) =>
        Assert.That((await _app.Send(HttpMethod.Get, "/run", context => context.Board().WhereAsync(), headers: ("Cookie", cookie))).Ok().SetCookies, Is.Empty);

    private async Task SlavesHaveEverything()
    {
        await _nodes.Cluster.WaitForSlavesAsync();
        await _app.Sample();
    }

    private Task PauseAll() => Task.WhenAll(_nodes.Cluster.Slaves.Select(s => s.PauseReplayAsync()));
}
