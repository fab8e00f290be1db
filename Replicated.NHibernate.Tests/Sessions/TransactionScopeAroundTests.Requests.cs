using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Sessions;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>One that a middleware puts around the request.</summary>
internal sealed partial class TransactionScopeAroundTests
{
    [Test]
    public async Task A_request_within_one_commits_with_it([Values] bool completes, [Values("session", "flushed session", "stateless", "connection")] string how)
    {
        await using var app = await SessionApp.StartAsync(
            configure: () => Database.Configure().BuildConfiguration(),
            services: s => s.AddSingleton<IStartupFilter>(new AroundEverything(completes)));
        var name = Guid.NewGuid().ToString();
        var answer = await app.Post(context =>
        {
            Write(context.RequestServices, how, name);
            return Task.FromResult(SessionApp.Done());
        });
        Assert.That(answer.Ok().Token, Is.Not.Null.And.Property(nameof(ConsistencyToken.Position)).Null);
        await app.DisposeAsync();
        Assert.That(await Count(name), Is.EqualTo(completes ? 1 : 0));
    }

    [Test]
    public async Task A_request_within_one_that_answers_an_error_takes_it_along([Values("session", "flushed session", "stateless", "connection")] string how)
    {
        await using var app = await SessionApp.StartAsync(
            configure: () => Database.Configure().BuildConfiguration(),
            services: s => s.AddSingleton<IStartupFilter>(new AroundEverything(completes: true)));
        var name = Guid.NewGuid().ToString();
        await app.Post(context =>
        {
            Write(context.RequestServices, how, name);
            return Task.FromResult(Results.StatusCode(500));
        });
        await app.DisposeAsync();
        Assert.That(await Count(name), Is.Zero);
    }

    private sealed class AroundEverything(bool completes) : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use(async (context, request) =>
            {
                using var around = Begin();
                await request(context);
                if (completes)
                {
                    around.Complete();
                }
            });
            next(app);
        };
    }
}
