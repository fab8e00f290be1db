using System.Net.Http.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Positions;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>A slave that takes a question and never answers.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(10), Promise(13)]
internal sealed class HungSlaveTests(UnitOfWork unit)
{
    [Test]
    public async Task A_tokened_read_waits_for_its_answer_as_long_as_a_probe_would_and_goes_to_the_master()
    {
        var slave = SharedCluster.Cluster.Slaves[0];
        await using var proxy = TcpProxy.Start(slave);
        await using var app = await TestApp.StartAsync(
            unit,
            app =>
            {
                app.MapGet("/where", (IBoard board) => board.WhereAsync());
                app.MapPost("/write", (IBoard board) => board.AddAsync(Guid.NewGuid()));
            },
            settings: new()
            {
                // The application's own statements may take as long as they like.
                ["ConnectionStrings:Slave"] = proxy.Through(slave.ConnectionString) + ";Command Timeout=0;Cancellation Timeout=-1;Timeout=2",
                ["Replicated:RouteHeader"] = "true",
            },
            slaves: 1);
        await FillPool(app.Services.GetRequiredService<NodePool>());
        var before = await app.Get<Place>("/where");
        proxy.Hang();
        using var written = await app.Client.PostAsync(new Uri("/write", UriKind.Relative), content: null);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/where");
        request.Headers.Add("Replicated-Token", written.Headers.GetValues("Replicated-Token").Single());
        using var answer = await app.Client.SendAsync(request).WaitAsync(TimeSpan.FromSeconds(30));
        await proxy.RestoreAsync();

        Assert.That(before.InRecovery, Is.True);
        Assert.That(answer.Headers.GetValues("Replicated-Route").Single(), Is.EqualTo("role=slave; node=master; reason=fallback"));
        Assert.That((await answer.Content.ReadFromJsonAsync<Place>())!.InRecovery, Is.False);
    }

    /// <summary>Opening a pooled connection asks nobody, so what hangs is the question.</summary>
    private static async Task FillPool(NodePool pool)
    {
        var opened = new List<NodeConnection>();
        for (var i = 0; i < 4; i++)
        {
            opened.Add(await pool.OpenSlave(ReadGoal.None, strict: true, async: true, default));
        }

        foreach (var connection in opened)
        {
            await pool.Close(connection, async: true);
        }
    }
}
