using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
internal sealed class VerbTests(UnitOfWork unit)
{
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync(unit, app =>
    {
        app.MapMethods("/where", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"], (IBoard board) => board.WhereAsync());
        app.MapPost("/posts/{id:guid}", async (Guid id, IBoard board) =>
        {
            await board.AddAsync(id);
            return Results.Created($"/posts/{id}", id);
        });
        app.MapPost("/failing/{id:guid}", async (Guid id, IBoard board) =>
        {
            await board.AddAsync(id);
            await board.WhereAsync();
            throw new InvalidOperationException("on purpose");
        });
    });

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test, Promise(1)]
    public async Task Get_runs_on_a_slave()
    {
        var place = await _app.Get<Place>("/where");
        Assert.That(place.InRecovery, Is.True);
    }

    [Test, Promise(1)]
    public async Task Every_other_verb_runs_on_the_master([Values("POST", "PUT", "PATCH", "DELETE", "OPTIONS")] string verb)
    {
        var place = await _app.Send<Place>(new HttpMethod(verb), "/where");
        Assert.That(place, Is.EqualTo(new Place(SharedCluster.Master.Port, InRecovery: false)));
    }

    [Test, Promise(9)]
    public async Task What_a_post_added_is_there_after_a_2xx()
    {
        var id = Guid.NewGuid();
        using var response = await _app.Client.PostAsync($"/posts/{id}", content: null);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.Created));
        Assert.That(await SharedCluster.IsOnMaster(id), Is.True);
    }

    [Test, Promise(9)]
    public async Task What_a_failed_post_added_is_not_there()
    {
        var id = Guid.NewGuid();
        using var response = await _app.Client.PostAsync($"/failing/{id}", content: null);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.InternalServerError));
        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
    }
}
