using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;
using Replicated.NHibernate.Tests.Support;

namespace Replicated.NHibernate.Tests.EndToEnd;

/// <summary>A page of another origin, to which cookies do not go: the token travels in the header, where CORS exposes it.</summary>
[Promise(10)]
internal sealed class CrossOriginPageTests
{
    private const string Script = """
        async ([api, id, carries]) => {
            const written = await fetch(api + '/posts/' + id, { method: 'POST' });
            const token = written.headers.get('Replicated-Token');
            const seen = await fetch(api + '/posts/' + id, carries && token ? { headers: { 'Replicated-Token': token } } : {});
            return [token === null ? 'no token' : 'a token', String(seen.status)];
        }
        """;

    [Test]
    public async Task Page_of_another_origin_sees_its_write_where_the_header_is_exposed([Values] bool exposed)
    {
        await using var nodes = await OwnNodes.StartAsync();
        await using var api = await TestApp.StartAsync(
            builder =>
            {
                UnitOfWork.Connection.Register(builder.Services);
                builder.Services.AddCors(cors => cors.AddDefaultPolicy(policy =>
                {
                    policy.AllowAnyOrigin().AllowAnyMethod().WithHeaders("Replicated-Token");
                    _ = exposed ? policy.WithExposedHeaders("Replicated-Token") : policy;
                }));
            },
            app =>
            {
                app.UseRouting();
                app.UseCors();
                app.UseReplicatedSessions();
                app.MapPost("/posts/{id:guid}", (Guid id, IBoard board) => board.AddAsync(id));
                app.MapGet("/posts/{id:guid}", async (Guid id, IBoard board) => await board.HasAsync(id) ? Results.Ok() : Results.NotFound());
            },
            nodes.Cluster);
        await using var site = await TestApp.StartAsync(_ => { }, app => app.MapGet("/", () => Results.Content("<!doctype html><title>A page</title>", "text/html")), nodes.Cluster);
        await Task.WhenAll(nodes.Cluster.Slaves.Select(s => s.PauseReplayAsync()));
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await Chromium.LaunchAsync(playwright);
        var page = await browser.NewPageAsync();
        await page.GotoAsync(site.Client.BaseAddress!.ToString());
        async Task<string[]> Visit(bool carries) => await page.EvaluateAsync<string[]>(Script, new object[] { api.Client.BaseAddress!.ToString().TrimEnd('/'), Guid.NewGuid().ToString(), carries });
        Assert.That(await Visit(carries: true), Is.EqualTo(exposed ? new[] { "a token", "200" } : new[] { "no token", "404" }));
        Assert.That((await Visit(carries: false))[1], Is.EqualTo("404"), "no cookie goes to another origin");
    }
}
