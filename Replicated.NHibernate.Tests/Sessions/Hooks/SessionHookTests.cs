using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Replicated.NHibernate.Tests.Integration;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions.Hooks;

/// <summary>OnSessionOpening and OnSessionOpened: every session of a scope has what they set, by the services of its work.</summary>
internal sealed class SessionHookTests
{
    private sealed class Auditor(Tenant tenant) : EmptyInterceptor
    {
        public Tenant Tenant { get; } = tenant;
    }

    private static Task<SessionApp> Start() => SessionApp.StartAsync(
        services: services =>
        {
            services.AddScoped<Tenant>();
            services.AddReplicatedNHibernate(Tenants.Configure)
                .OnSessionOpening(c => c.Builder.Interceptor(new Auditor(c.Services.GetRequiredService<Tenant>())).FlushMode(FlushMode.Commit))
                .OnSessionOpened(c =>
                {
                    c.Session.EnableFilter("tenant").SetParameter("name", c.Services.GetRequiredService<Tenant>().Name ?? "nobody");
                    c.Session.DefaultReadOnly = c.Role == DatabaseRole.Slave;
                });
        });

    // What it sees, which interceptor it has, and of whom.
    private static string State(ISession session)
    {
        var implementation = session.GetSessionImplementation();
        var tenants = session.CreateQuery("from Room").List<Room>().Select(r => r.Tenant).Distinct(StringComparer.Ordinal);
        return $"{string.Join(",", tenants)}/{(implementation.Interceptor as Auditor)?.Tenant.Name}/{session.FlushMode}/{session.DefaultReadOnly}";
    }

    [Test]
    public async Task Sessions_of_both_roles_in_blocks_and_after_a_disposal_have_what_the_handlers_set()
    {
        await using var app = await Start();
        var sessions = app.Services.GetRequiredService<IReplicatedSessions>();
        var answers = await Task.WhenAll(new[] { "a", "b", "a", "b" }.Select(async tenant => (await app.Get(context =>
        {
            context.Tenant().Name = tenant;
            var seen = new List<string> { State(context.Session()) };
            context.Session().Dispose();
            seen.Add(State(context.Session()));
            using (sessions.UseMaster())
            {
                seen.Add(State(app.Factories.Master.GetCurrentSession()));
            }

            using (var scope = sessions.BeginScope())
            {
                seen.Add(State(app.Factories.Master.GetCurrentSession()));
            }

            return Task.FromResult(SessionApp.Done(string.Join(' ', seen)));
        })).Ok().Body));
        static string Expected(string tenant) => $"{tenant}/{tenant}/Commit/True {tenant}/{tenant}/Commit/True {tenant}/{tenant}/Commit/False {tenant}/{tenant}/Commit/False";
        Assert.That(answers, Is.EqualTo(new[] { Expected("a"), Expected("b"), Expected("a"), Expected("b") }));
    }

    [Test]
    public async Task Session_of_an_error_page_has_what_the_handlers_set()
    {
        var seen = "";
        await using var app = await TestApp.StartAsync(
            builder =>
            {
                builder.Services.AddScoped<Tenant>();
                builder.Services.AddReplicatedNHibernate(Tenants.Configure).OnSessionOpened(c => c.Session.EnableFilter("tenant").SetParameter("name", c.Services.GetRequiredService<Tenant>().Name));
            },
            app =>
            {
                app.Use((context, next) =>
                {
                    context.Tenant().Name = "b";
                    return next(context);
                });
                app.UseRouting();
                app.UseReplicatedSessions();
                app.UseExceptionHandler("/error");
                app.UseRouting();
                app.UseEndpoints(_ => { });
                app.MapGet("/throw", (ISession session) => session.CreateQuery("from Room").List().Count > 5 ? "" : throw new InvalidOperationException("broken"));
                app.MapGet("/error", (ISession session) => seen = string.Join(",", session.CreateQuery("from Room").List<Room>().Select(r => r.Tenant)));
            },
            Database.Cluster);
        using var response = await app.Client.GetAsync("/throw");
        Assert.That(seen, Is.EqualTo("b"));
    }

    [Test]
    public async Task A_session_whose_handler_throws_is_given_to_nobody_and_the_next_one_is_asked_anew()
    {
        var fails = true;
        await using var app = await Tenants.StartAsync([], builder => builder.OnSessionOpened(c =>
        {
            if (fails)
            {
                fails = false;
                throw new InvalidOperationException("no tenant");
            }

            c.Session.EnableFilter("tenant").SetParameter("name", "a");
        }));
        var answer = await app.Get(context =>
        {
            Assert.That(() => context.Session(), Throws.InvalidOperationException.With.Message.EqualTo("no tenant"));
            return Task.FromResult(SessionApp.Done(context.Session().CreateQuery("from Room").List().Count));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("2"));
    }

    [Test]
    public async Task A_handler_that_asks_for_the_session_that_is_being_opened_is_told_so()
    {
        await using var app = await Tenants.StartAsync([], builder => builder.OnSessionOpening(c => c.Services.GetRequiredService<ISession>()));
        Assert.That((await app.Get(session => session.IsOpen)).Thrown, Is.InstanceOf<InvalidOperationException>().With.Message.Contains("OnSessionOpened"));
    }

    [Test]
    public async Task A_handler_may_query_with_the_session_and_gets_the_same_from_the_container()
    {
        await using var app = await Tenants.StartAsync([], builder => builder.OnSessionOpened(c =>
        {
            Assert.That(c.Services.GetRequiredService<ISession>(), Is.SameAs(c.Session));
            var name = c.Session.Scalar("select 'b'");
            c.Session.EnableFilter("tenant").SetParameter("name", name);
        }));
        Assert.That((await app.Get(session => session.CreateQuery("from Room").List().Count)).Ok().Body, Is.EqualTo("1"));
    }

    [Test]
    public async Task Stateless_sessions_are_shown_to_their_handler_which_may_refuse_them()
    {
        IStatelessSession? shown = null;
        await using var app = await Tenants.StartAsync([], builder => builder.OnStatelessSessionOpened(c =>
            shown = c.Role == DatabaseRole.Master ? c.Session : throw new NotSupportedException("Filters do not reach stateless sessions.")));
        Assert.That((await app.Post(context => Task.FromResult(SessionApp.Done(ReferenceEquals(context.Stateless(), shown))))).Ok().Body, Is.EqualTo("True"));
        Assert.That((await app.Get(context => Task.FromResult(SessionApp.Done(context.Stateless())))).Thrown, Is.InstanceOf<NotSupportedException>());
    }

    [Test]
    public async Task Outside_requests_handlers_get_the_services_of_their_scope()
    {
        await using var app = await Start();
        var sessions = app.Services.GetRequiredService<IReplicatedSessions>();
        // A container scope without a request.
        await using (var container = app.Services.CreateAsyncScope())
        {
            container.ServiceProvider.GetRequiredService<Tenant>().Name = "a";
            Assert.That(State(container.ServiceProvider.GetRequiredService<ISession>()), Does.StartWith("a/a/"));
            // Given to a scope that is begun.
            await using var given = sessions.BeginScope(DatabaseRole.Slave, provider: container.ServiceProvider);
            Assert.That(State(app.Factories.Slave.GetCurrentSession()), Does.StartWith("a/a/"));
        }

        // One of its own, which ends with it.
        Tenant tenant;
        await using (sessions.BeginScope())
        {
            var session = app.Factories.Master.GetCurrentSession();
            tenant = ((Auditor)session.GetSessionImplementation().Interceptor).Tenant;
            Assert.That((tenant.IsDisposed, State(session)), Is.EqualTo((false, "//Commit/False")));
        }

        Assert.That(tenant.IsDisposed, Is.True);
    }
}
