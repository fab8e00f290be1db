using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>A session that is asked for before routing has found the endpoint, and a middleware that stands in the wrong place.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(15)]
internal sealed class EarlyTests(UnitOfWork unit)
{
    private const int AskedEarly = 3;
    private const int PlacedBeforeRouting = 8;

    [Test]
    public async Task Before_routing_the_master_answers_and_the_request_stays_there()
    {
        await using var app = await Start(AskEarly);
        var seen = await app.Get<Seen>("/where");
        Assert.That(seen.Early!.InRecovery, Is.False);
        Assert.That(seen.Endpoint, Is.EqualTo(seen.Early));
        Assert.That(seen.Reason, Is.EqualTo("BeforeRouting"));
    }

    [Test]
    public async Task One_warning_for_the_application_names_the_line_to_move()
    {
        await using var app = await Start(AskEarly);
        await app.Get<Seen>("/where");
        await app.Get<Seen>("/where");
        Assert.That(app.Log.Messages(AskedEarly).ToArray(), Has.Length.EqualTo(1).And.One.Contains("app.UseReplicatedSessions() after app.UseRouting()"));
    }

    [Test, Promise(3)]
    public async Task An_explicit_slave_is_a_slave_even_after_an_early_session()
    {
        await using var app = await Start(AskEarly);
        Assert.That((await app.Get<Seen>("/slave")).Endpoint.InRecovery, Is.True);
    }

    [Test]
    public async Task A_middleware_without_an_endpoint_works_on_the_master()
    {
        await using var app = await Start(AskEarly);
        var seen = await app.Get<Seen>("/no-endpoint");
        Assert.That((seen.Endpoint.InRecovery, seen.Reason), Is.EqualTo((false, "BeforeRouting")));
    }

    [Test]
    public async Task A_misplaced_middleware_is_told_once_although_nobody_asked_early()
    {
        await using var app = await Start(early: null);
        var seen = await app.Get<Seen>("/where");
        await app.Get<Seen>("/where");
        Assert.That(seen.Endpoint.InRecovery, Is.True);
        Assert.That(app.Log.Messages(PlacedBeforeRouting).ToArray(), Has.Length.EqualTo(1).And.One.Contains("Place it after app.UseRouting()"));
        Assert.That(app.Log.Messages(AskedEarly), Is.Empty);
    }

    [Test]
    public async Task In_its_place_nothing_is_said()
    {
        await using var app = await Start(early: null, inItsPlace: true);
        await app.Get<Seen>("/where");
        Assert.That(app.Log.Messages(PlacedBeforeRouting), Is.Empty);
        Assert.That(app.Log.Messages(AskedEarly), Is.Empty);
    }

    [Test]
    public async Task Where_WebApplication_adds_routing_by_itself_any_place_is_right()
    {
        await using var app = await TestApp.StartAsync(builder => unit.Register(builder.Services), app =>
        {
            app.UseReplicatedSessions();
            Map(app);
        });
        Assert.That((await app.Get<Seen>("/where")).Endpoint.InRecovery, Is.True);
        Assert.That(app.Log.Messages(PlacedBeforeRouting), Is.Empty);
    }

    private static async Task AskEarly(HttpContext context) =>
        context.Items["before-routing"] = await context.RequestServices.GetRequiredService<IBoard>().WhereAsync();

    private Task<TestApp> Start(Func<HttpContext, Task>? early, bool inItsPlace = false) => TestApp.StartAsync(
        builder => unit.Register(builder.Services),
        app =>
        {
            if (inItsPlace)
            {
                app.UseRouting();
            }

            app.UseReplicatedSessions();
            if (early is not null)
            {
                app.Use(async (HttpContext context, RequestDelegate next) =>
                {
                    await early(context);
                    await next(context);
                });
            }

            if (!inItsPlace)
            {
                app.UseRouting();
            }

            Map(app);
        },
        build: builder => builder.AddFreshBoard());

    private static void Map(WebApplication app)
    {
        app.Use(async (HttpContext context, RequestDelegate next) =>
        {
            if (context.GetEndpoint() is null)
            {
                await context.Response.WriteAsJsonAsync(await Look(context));
            }
            else
            {
                await next(context);
            }
        });
        app.MapGet("/where", (HttpRequest request) => Look(request.HttpContext));
        app.MapGet("/slave", [UseSlave] (HttpRequest request) => Look(request.HttpContext));
    }

    private static async Task<Seen> Look(HttpContext context)
    {
        var place = await (context.RequestServices.GetKeyedService<IBoard>(FreshBoard.Key) ?? context.RequestServices.GetRequiredService<IBoard>()).WhereAsync();
        var route = context.RequestServices.GetRequiredService<IReplicatedSessions>().CurrentRoute!;
        return new Seen(context.Items["before-routing"] as Place, place, route.Reason.ToString());
    }

    private sealed record Seen(Place? Early, Place Endpoint, string Reason);
}
