using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>What is committed when an exception reaches the server: the client still gets its token.</summary>
[TestFixtureSource(nameof(Cases))]
[Promise(10)]
internal sealed class UnhandledExceptionTests(UnitOfWork unit, string version)
{
    private TestApp _app = null!;

    public static IEnumerable<TestFixtureData> Cases => from unit in UnitOfWork.All from version in new[] { "1.1", "2.0" } select new TestFixtureData(unit, version);

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync(
        unit,
        app =>
        {
            app.MapPost("/committed/{status:int?}", async (HttpContext context, int? status) =>
            {
                await using (var scope = context.RequestServices.GetRequiredService<IReplicatedSessions>().BeginScope())
                {
                    await context.Board().ExecuteAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'x')");
                    await scope.CommitAsync();
                }

                context.Response.Headers["X-Of-The-Success"] = "yes";
                throw status is { } bad ? new Microsoft.AspNetCore.Http.BadHttpRequestException("on purpose", bad) : new InvalidOperationException("on purpose");
            });
            app.MapPost("/rolled-back", async (IBoard board) =>
            {
                await board.AddAsync(Guid.NewGuid());
                throw new InvalidOperationException("on purpose");
            });
        },
        build: builder =>
        {
            builder.Services.AddBoardType();
            // Without TLS both sides have to know the version beforehand.
            builder.WebHost.ConfigureKestrel(k => k.ConfigureEndpointDefaults(e => e.Protocols = version == "2.0" ? HttpProtocols.Http2 : HttpProtocols.Http1));
        });

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task Response_to_a_committed_write_carries_its_token()
    {
        using var response = await Post("/committed");
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.InternalServerError));
        Assert.That(ConsistencyToken.Parse(response.Headers.GetValues(TokenClient.Header).Single()).Position, Is.Not.Null);
        Assert.That(response.Headers.GetValues("Set-Cookie").Single(), Does.StartWith($"{TokenClient.CookieName}."));
        Assert.That(response.Headers.Contains("X-Of-The-Success"), Is.False, "As the server would have it.");
        Assert.That(_app.Log.Entries, Has.Some.Matches<(LogLevel Level, int, string, Exception? Exception)>(e => e.Level == LogLevel.Error && e.Exception?.Message == "on purpose"), "The server still logs it.");
    }

    [Test]
    public async Task Status_is_the_one_that_the_server_would_choose()
    {
        using var response = await Post("/committed/413");
        Assert.That((response.StatusCode, response.Headers.Contains(TokenClient.Header)), Is.EqualTo((HttpStatusCode.RequestEntityTooLarge, true)));
    }

    [Test]
    public async Task Connection_is_kept()
    {
        for (var i = 0; i < 3; i++)
        {
            using var response = await Post("/committed");
            Assert.That(response.Headers.ConnectionClose, Is.Not.True);
        }
    }

    [Test]
    public async Task What_is_rolled_back_has_no_token_and_is_left_to_the_server()
    {
        using var response = await Post("/rolled-back");
        Assert.That((response.StatusCode, response.Headers.Contains(TokenClient.Header), response.Headers.Contains("Set-Cookie")), Is.EqualTo((HttpStatusCode.InternalServerError, false, false)));
    }

    private async Task<HttpResponseMessage> Post(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Version = Version.Parse(version), VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        return await _app.Client.SendAsync(request);
    }
}
