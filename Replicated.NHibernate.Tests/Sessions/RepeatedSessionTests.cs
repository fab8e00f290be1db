using System.Data;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using NHibernate.Linq;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>However NHibernate runs a first statement, it is sent once more.</summary>
[Promise(13)]
internal sealed class RepeatedSessionTests
{
    private const int Repeated = 60;

    private static readonly Dictionary<string, Func<HttpContext, Guid, Task<string?>>> Ways = new(StringComparer.Ordinal)
    {
        ["get"] = (c, id) => Task.FromResult<string?>(c.Session().Get<Post>(id).Title),
        ["get, asynchronous"] = async (c, id) => (await c.Session().GetAsync<Post>(id)).Title,
        ["query"] = (c, id) => Task.FromResult<string?>(c.Session().Query<Post>().Single(p => p.Id == id).Title),
        ["query, asynchronous"] = async (c, id) => (await c.Session().Query<Post>().SingleAsync(p => p.Id == id)).Title,
        ["query, future"] = (c, id) =>
        {
            var other = c.Session().Query<Post>().Where(p => p.Title == "none").ToFuture();
            var post = c.Session().Query<Post>().Where(p => p.Id == id).ToFutureValue();
            return Task.FromResult<string?>(other.GetEnumerable().Any() ? null : post.Value.Title);
        },
        ["stateless"] = (c, id) => Task.FromResult<string?>(c.Stateless().Get<Post>(id).Title),
        ["transaction"] = async (c, id) =>
        {
            using var transaction = c.Session().BeginTransaction(IsolationLevel.RepeatableRead);
            var post = await c.Session().GetAsync<Post>(id);
            await transaction.CommitAsync();
            return post.Title;
        },
    };

    private OwnNodes _nodes = null!;
    private Guid _id;

    public static IEnumerable<string> Names => Ways.Keys;

    [OneTimeSetUp]
    public async Task Start()
    {
        _nodes = await OwnNodes.StartAsync();
        _id = Guid.NewGuid();
        await SharedCluster.Execute(_nodes.Master, $"insert into post (id, title) values ('{_id}', 'a post')");
        await _nodes.Cluster.WaitForSlavesAsync();
    }

    [OneTimeTearDown]
    public async Task Stop() => await _nodes.DisposeAsync();

    [Test]
    public async Task Statement_on_a_lost_connection_is_sent_once_more([Values("GET", "POST")] string verb, [ValueSource(nameof(Names))] string way)
    {
        await using var app = await _nodes.App(UnitOfWork.All.First(), slaves: 1);
        var node = verb == "GET" ? _nodes.Cluster.Slaves[0] : _nodes.Master;
        (await app.Send(new HttpMethod(verb), "/run", context => context.Board().WhereAsync())).Ok();
        await node.Terminate();
        string? title = null;
        var reply = await app.Send(new HttpMethod(verb), "/run", async context => title = await Ways[way](context, _id));
        Assert.That((reply.Ok().Route, title), Is.EqualTo((verb == "GET" ? "role=slave; node=master; reason=fallback; repeated" : "role=master; node=master; reason=verb; repeated", "a post")));
        Assert.That(app.Log.Messages(Repeated).Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task Flush_of_several_inserts_on_a_lost_connection_is_sent_once_more_as_a_whole()
    {
        await using var app = await _nodes.App(UnitOfWork.All.First(), slaves: 1);
        (await app.Post(context => context.Board().WhereAsync())).Ok();
        await _nodes.Master.Terminate();
        var title = Guid.NewGuid().ToString();
        var reply = await app.Post(context =>
        {
            for (var i = 0; i < 10; i++)
            {
                context.Session().Save(new Post { Id = Guid.NewGuid(), Title = title });
            }

            return Task.CompletedTask;
        });
        Assert.That(reply.Ok().Route, Does.EndWith("; repeated"));
        Assert.That(await Count(title), Is.EqualTo(10));
    }

    private async Task<long> Count(string title)
    {
        await using var connection = new Npgsql.NpgsqlConnection(_nodes.Master.ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new Npgsql.NpgsqlCommand($"select count(*) from post where title = '{title}'", connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
