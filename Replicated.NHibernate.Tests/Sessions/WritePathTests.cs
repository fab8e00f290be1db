using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Npgsql;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Nothing is lost silently: each way to write, as the only thing that a request does.</summary>
internal sealed class WritePathTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync(map: app =>
    {
        app.MapMethods("/write/{path}/{key:guid}", ["GET", "POST"], Write);
        app.MapPost("/on-slave/{path}/{key:guid}", Write).UseSlave();
        app.MapGet("/on-master/{path}/{key:guid}", Write).UseMaster();
        app.MapPost("/throw/{path}/{key:guid}", async (string path, Guid key, bool async, HttpContext context) =>
        {
            await Write(path, key, async, context);
            throw new InvalidOperationException("on purpose");
        });
        app.MapPost("/fail/{path}/{key:guid}", async (string path, Guid key, bool async, HttpContext context) =>
        {
            await Write(path, key, async, context);
            return Results.StatusCode(StatusCodes.Status500InternalServerError);
        });
    });

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    public static IEnumerable<TestCaseData> Cases =>
        from path in WritePaths.All
        from async in WritePaths.SyncAndAsync
        select new TestCaseData(path, async).SetArgDisplayNames(path.Name, async ? "async" : "sync");

    [TestCaseSource(nameof(Cases)), Promise(9)]
    public async Task What_a_post_wrote_is_on_the_master_after_a_2xx(WritePath path, bool async)
    {
        var key = await Seeded(path);
        (await _app.Send(HttpMethod.Post, Url("write", path, key, async))).Ok();
        Assert.That(await IsDone(path, key), Is.True);
    }

    [TestCaseSource(nameof(Cases)), Promise(2)]
    public async Task What_a_get_with_UseMaster_wrote_is_on_the_master(WritePath path, bool async)
    {
        var key = await Seeded(path);
        (await _app.Send(HttpMethod.Get, Url("on-master", path, key, async))).Ok();
        Assert.That(await IsDone(path, key), Is.True);
    }

    [TestCaseSource(nameof(Cases)), Promise(9)]
    public async Task What_a_post_wrote_is_gone_after_an_exception(WritePath path, bool async)
    {
        var key = await Seeded(path);
        var answer = await _app.Send(HttpMethod.Post, Url("throw", path, key, async));
        Assert.That(answer.Thrown?.Message, Is.EqualTo("on purpose"));
        Assert.That(await IsDone(path, key), Is.False);
    }

    [TestCaseSource(nameof(Cases)), Promise(9)]
    public async Task What_a_post_wrote_is_gone_after_a_result_of_500(WritePath path, bool async)
    {
        var key = await Seeded(path);
        var answer = await _app.Send(HttpMethod.Post, Url("fail", path, key, async));
        Assert.That((answer.Status, answer.Thrown), Is.EqualTo((HttpStatusCode.InternalServerError, (Exception?)null)));
        Assert.That(await IsDone(path, key), Is.False);
    }

    [TestCaseSource(nameof(Cases)), Promise(12)]
    public async Task A_post_on_a_slave_is_refused_and_writes_nothing(WritePath path, bool async) =>
        await Refused(path, async, HttpMethod.Post, "on-slave", "Endpoint POST /on-slave/");

    [TestCaseSource(nameof(Cases)), Promise(12)]
    public async Task A_get_is_refused_and_writes_nothing(WritePath path, bool async) =>
        await Refused(path, async, HttpMethod.Get, "write", "/write/");

    private async Task Refused(WritePath path, bool async, HttpMethod method, string route, string action)
    {
        var key = await Seeded(path);
        var answer = await _app.Send(method, Url(route, path, key, async));
        if (path.IsUnguarded())
        {
            Assert.That(answer.Thrown, Is.InstanceOf<PostgresException>().With.Property("SqlState").EqualTo("25006"));
        }
        else
        {
            Assert.That(answer.Thrown, Is.InstanceOf<SlaveWriteException>());
            Assert.That(answer.Thrown!.Message, Does.Contain(string.Format(CultureInfo.InvariantCulture, path.Attempt, key)).And.Contain(action).And.Contain("[UseMaster]"));
        }

        Assert.That(await IsDone(path, key), Is.False);
    }

    private static async Task Write(string path, Guid key, bool async, HttpContext context) =>
        await Array.Find(WritePaths.All, p => p.Name == path)!.Write(context.RequestServices, key, async);

    private static string Url(string route, WritePath path, Guid key, bool async) => $"/{route}/{path.Name}/{key}?async={async}";

    private static async Task<Guid> Seeded(WritePath path)
    {
        var key = Guid.NewGuid();
        await Database.Execute(string.Format(CultureInfo.InvariantCulture, path.Seed, key));
        await Database.Cluster.WaitForSlavesAsync();
        return key;
    }

    private static Task<bool> IsDone(WritePath path, Guid key) => Database.Ask<bool>(string.Format(CultureInfo.InvariantCulture, path.Done, key));
}
