using System.Data.Common;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>A singleton that takes a session would keep it for good, and nobody would commit it: refused in every environment.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(9)]
internal sealed class RootProviderTests(UnitOfWork unit)
{
    private WorkApp _app = null!;

    [SetUp]
    public Task Start() => Start(validateScopes: false);

    [TearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task Root_provider_refuses_with_the_remedy([Values] bool validateScopes)
    {
        await Restart(validateScopes);
        foreach (var type in Types())
        {
            Assert.That(() => _app.Services.GetService(type), Throws.InvalidOperationException.With.Message.Contains("BeginScope").And.Message.Contains("IServiceScopeFactory"), type.Name);
        }
    }

    [Test]
    public async Task Singleton_that_is_made_in_a_request_is_refused_too()
    {
        var reply = await _app.Post(context =>
        {
            context.RequestServices.GetRequiredService<Keeper>();
            return Task.CompletedTask;
        });
        Assert.That(reply.Thrown?.Message, Does.Contain("root provider"));
    }

    [Test]
    public async Task Container_scope_gives_what_the_root_refuses()
    {
        await using var container = _app.Services.CreateAsyncScope();
        foreach (var type in Types())
        {
            Assert.That(container.ServiceProvider.GetService(type), Is.Not.Null);
        }
    }

    [Test]
    public async Task Scope_that_was_begun_explicitly_counts_for_the_root_provider_as_well()
    {
        await using var scope = _app.Sessions.BeginScope();
        Assert.That((await _app.Services.NewBoard().WhereAsync()).InRecovery, Is.False);
    }

    private static IEnumerable<Type> Types() =>
        new[] { typeof(DbConnection), typeof(IReplicatedScope), Type.GetType("NHibernate.ISession, NHibernate"), Type.GetType("NHibernate.IStatelessSession, NHibernate") }
            .Where(t => t is not null && (TestContext.CurrentContext.Test.FullName.Contains("(NHibernate)") || t.Namespace != "NHibernate"))!;

    private async Task Restart(bool validateScopes)
    {
        await _app.DisposeAsync();
        await Start(validateScopes);
    }

    private async Task Start(bool validateScopes) => _app = await WorkApp.StartAsync(unit, build: builder =>
    {
        builder.Services.AddSingleton<Keeper>();
        builder.WebHost.UseDefaultServiceProvider(o => o.ValidateScopes = validateScopes);
    });

    private sealed class Keeper(DbConnection connection)
    {
        public DbConnection Connection { get; } = connection;
    }
}
