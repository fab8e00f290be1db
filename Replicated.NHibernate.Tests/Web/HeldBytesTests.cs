using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>Bytes that wait for a commit: they keep their order, and a writer that is completed with an error commits nothing.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(9)]
internal sealed class HeldBytesTests(UnitOfWork unit)
{
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync(unit, Map);

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task What_was_held_goes_first_after_a_commit_of_the_applications_own([Values("stream", "writer")] string then)
    {
        var id = Guid.NewGuid();
        using var response = await _app.Client.PostAsync($"/held/{then}/{id}", content: null);
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("first second"));
        Assert.That(await SharedCluster.IsOnMaster(id), Is.True);
    }

    [Test]
    public async Task Writer_that_is_completed_with_an_error_commits_nothing()
    {
        var id = Guid.NewGuid();
        Assert.That(async () =>
        {
            using var response = await _app.Client.PostAsync($"/failed/{id}", content: null);
            response.EnsureSuccessStatusCode();
        }, Throws.InstanceOf<HttpRequestException>());
        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
    }

    private static void Map(WebApplication app)
    {
        app.MapPost("/held/{then}/{id:guid}", async (string then, Guid id, IBoard board, IReplicatedScope scope, HttpContext context) =>
        {
            await board.AddAsync(id);
            var writer = context.Response.BodyWriter;
            Encoding.UTF8.GetBytes("first ").CopyTo(writer.GetSpan(6));
            writer.Advance(6);
            await scope.CommitAsync();
            if (then == "stream")
            {
                await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes("second"));
            }
            else
            {
                await context.Response.BodyWriter.WriteAsync(Encoding.UTF8.GetBytes("second"));
            }
        });
        app.MapPost("/failed/{id:guid}", async (Guid id, IBoard board, HttpContext context) =>
        {
            await board.AddAsync(id);
            var failure = new InvalidOperationException("on purpose");
            await context.Response.BodyWriter.CompleteAsync(failure);
            throw failure;
        });
    }
}
