using System.Data.Common;
using Dapper;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>Responses that go on for hours, such as server-sent events: they ask the database now and then, and hold no connection in between.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(9)]
internal sealed class IdleStreamTests(UnitOfWork unit)
{
    private const int Clients = 200;
    private readonly SemaphoreSlim _next = new(0);
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync(unit, Map);

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _app.DisposeAsync();
        _next.Dispose();
    }

    [Test]
    public async Task Idle_clients_of_an_event_stream_hold_no_connection([Values("GET", "POST")] string verb)
    {
        var pool = _app.Services.GetRequiredService<NodePool>();
        var streams = new List<HttpResponseMessage>();
        try
        {
            for (var i = 0; i < Clients; i++)
            {
                streams.Add(await _app.Client.SendAsync(new HttpRequestMessage(new HttpMethod(verb), "/events"), HttpCompletionOption.ResponseHeadersRead));
            }

            var readers = await Task.WhenAll(streams.Select(async s => new StreamReader(await s.Content.ReadAsStreamAsync())));
            foreach (var reader in readers)
            {
                Assert.That(await reader.ReadLineAsync(), Is.EqualTo("1"));
                Assert.That(await reader.ReadLineAsync(), Is.EqualTo("2"), "asked after the response had begun");
            }

            Assert.That(pool.Slaves.Append(pool.Master).Sum(node => node.InUse), Is.Zero);
            _next.Release(Clients);
            foreach (var reader in readers)
            {
                Assert.That(await reader.ReadLineAsync(), Is.EqualTo("3"));
            }
        }
        finally
        {
            streams.ForEach(s => s.Dispose());
        }
    }

    private void Map(WebApplication app) => app.MapMethods("/events", ["GET", "POST"], async (DbConnection connection, HttpContext context) =>
    {
        await Send("select 1");
        await Send("select 2");
        await _next.WaitAsync(context.RequestAborted);
        await Send("select 3");

        async Task Send(string sql)
        {
            await context.Response.WriteAsync($"{await connection.ExecuteScalarAsync<int>(sql)}\n");
            await context.Response.Body.FlushAsync();
        }
    });
}
