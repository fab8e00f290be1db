using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>A response that changes a client's cookies is not to be stored for others.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(10)]
internal sealed class CachedResponseTests(UnitOfWork unit)
{
    private const string Passed = "replicated-token=1";
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

    [TestCase(null, ExpectedResult = "private, 1 cookies")]
    [TestCase("no-store", ExpectedResult = "no-store, 1 cookies")]
    [TestCase("private, max-age=60", ExpectedResult = "max-age=60, private, 1 cookies")]
    [TestCase("public, max-age=60", ExpectedResult = "public, max-age=60, 0 cookies")]
    [TestCase("max-age=60", ExpectedResult = "max-age=60, 0 cookies")]
    public async Task<string> Response_that_only_deletes_cookies(string? cacheControl) => Shown(await _app.Send(HttpMethod.Get, "/run", Read(cacheControl), headers: ("Cookie", Passed)));

    [TestCase(null, ExpectedResult = "private, 2 cookies")]
    [TestCase("no-store", ExpectedResult = "no-store, 2 cookies")]
    [TestCase("public, max-age=60, s-maxage=600", ExpectedResult = "max-age=60, private, 2 cookies")]
    public async Task<string> Response_that_sets_a_cookie(string? cacheControl) =>
        Shown(await _app.Send(
            HttpMethod.Get,
            "/master",
            async context =>
            {
                context.Response.Headers.CacheControl = cacheControl;
                await context.Board().AddAsync(Guid.NewGuid());
            },
            headers: ("Cookie", "replicated-token=no token")));

    [Test]
    public async Task Response_that_changes_no_cookie_says_nothing_of_caches() => Assert.That(Shown(await _app.Get(Read(null))), Is.EqualTo(", 0 cookies"));

    private static Func<Microsoft.AspNetCore.Http.HttpContext, Task> Read(string? cacheControl) => context =>
    {
        context.Response.Headers.CacheControl = cacheControl;
        return context.Board().WhereAsync();
    };

    private static string Shown(Reply reply) => $"{reply.Ok().CacheControl}, {reply.SetCookies.Count} cookies";
}
