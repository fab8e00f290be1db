using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using NHibernate.Context;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>The ways to the one session of a scope: injected, current, bound.</summary>
internal sealed class CurrentSessionTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync(
        configure: () => Database.Configure().BuildConfiguration(),
        services: s => s.AddScoped<UserStore>().AddScoped<Repository>());

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test, Promise(5)]
    public async Task The_injected_session_is_the_current_one_of_either_factory([Values("GET", "POST")] string verb)
    {
        var answer = await _app.Send(new HttpMethod(verb), "/run", context =>
        {
            var session = context.Session();
            var expected = verb == "GET" ? _app.Factories.Slave : _app.Factories.Master;
            return Task.FromResult(SessionApp.Done((
                ReferenceEquals(session, _app.Factories.Master.GetCurrentSession()),
                ReferenceEquals(session, _app.Factories.Slave.GetCurrentSession()),
                ReferenceEquals(session, context.RequestServices.GetRequiredService<ISession>()),
                ReferenceEquals(session.SessionFactory, expected),
                ReferenceEquals(context.RequestServices.GetRequiredService<Repository>().Factory.GetCurrentSession(), session))));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("(True, True, True, True, True)"));
    }

    [Test]
    public async Task A_store_that_takes_a_session_by_constructor_gets_the_routed_one([Values("GET", "POST")] string verb)
    {
        // As NHibernate.AspNetCore.Identity's stores do.
        var answer = await _app.Send(new HttpMethod(verb), "/run", context =>
            Task.FromResult(SessionApp.Done(context.RequestServices.GetRequiredService<UserStore>().Session.Scalar("select pg_is_in_recovery()"))));
        Assert.That(answer.Ok().Body, Is.EqualTo(verb == "GET" ? "True" : "False"));
    }

    [Test]
    public async Task The_factory_in_the_container_is_the_masters()
    {
        var answer = await _app.Get(context => Task.FromResult(SessionApp.Done(
            ReferenceEquals(context.RequestServices.GetRequiredService<ISessionFactory>(), context.RequestServices.GetRequiredService<ReplicatedSessionFactories>().Master))));
        Assert.That(answer.Ok().Body, Is.EqualTo("True"));
    }

    [Test]
    public async Task A_bound_session_wins_in_its_scope_only_and_stays_open()
    {
        using var mine = _app.Factories.Master.OpenSession();
        var bound = await _app.Post(_ =>
        {
            Assert.That(CurrentSessionContext.HasBind(_app.Factories.Master), Is.False);
            CurrentSessionContext.Bind(mine);
            return Task.FromResult(SessionApp.Done((
                CurrentSessionContext.HasBind(_app.Factories.Master),
                CurrentSessionContext.HasBind(_app.Factories.Slave),
                ReferenceEquals(mine, _app.Factories.Master.GetCurrentSession()))));
        });
        var other = await _app.Post(session => (CurrentSessionContext.HasBind(_app.Factories.Master), ReferenceEquals(mine, _app.Factories.Master.GetCurrentSession())));
        Assert.That((bound.Ok().Body, other.Ok().Body, mine.IsOpen), Is.EqualTo(("(True, False, True)", "(False, False)", true)));
    }

    [Test]
    public async Task Unbinding_gives_the_session_back_and_the_routed_one_is_current_again()
    {
        using var mine = _app.Factories.Master.OpenSession();
        var answer = await _app.Post(context =>
        {
            CurrentSessionContext.Bind(mine);
            var unbound = CurrentSessionContext.Unbind(_app.Factories.Master);
            return Task.FromResult(SessionApp.Done((ReferenceEquals(unbound, mine), CurrentSessionContext.HasBind(_app.Factories.Master), ReferenceEquals(context.Session(), _app.Factories.Master.GetCurrentSession()))));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("(True, False, True)"));
    }

    [Test]
    public void Outside_scopes_binding_works_as_with_NHibernates_own_contexts()
    {
        using var mine = _app.Factories.Master.OpenSession();
        CurrentSessionContext.Bind(mine);
        try
        {
            Assert.That(_app.Factories.Master.GetCurrentSession(), Is.SameAs(mine));
            Assert.That(() => _app.Factories.Slave.GetCurrentSession(), Throws.InvalidOperationException);
        }
        finally
        {
            Assert.That(CurrentSessionContext.Unbind(_app.Factories.Master), Is.SameAs(mine));
        }

        Assert.That(CurrentSessionContext.HasBind(_app.Factories.Master), Is.False);
    }

    [Test]
    public async Task What_is_written_in_a_bound_session_is_the_applications_to_commit()
    {
        var name = Guid.NewGuid().ToString();
        using var mine = _app.Factories.Master.OpenSession();
        var answer = await _app.Post(_ =>
        {
            CurrentSessionContext.Bind(mine);
            using var own = _app.Factories.Master.GetCurrentSession().BeginTransaction();
            _app.Factories.Master.GetCurrentSession().Save(new Note { Name = name });
            own.Commit();
            CurrentSessionContext.Unbind(_app.Factories.Master);
            throw new InvalidOperationException("on purpose");
        });
        Assert.That(answer.Thrown?.Message, Is.EqualTo("on purpose"));
        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.EqualTo(1));
    }

    [Test, Promise(11)]
    public void Without_a_scope_the_exception_names_the_remedy() =>
        Assert.That(() => _app.Factories.Master.GetCurrentSession(), Throws.InvalidOperationException.With.Message.Contains("BeginScope").And.Message.Contains("UseReplicatedSessions"));

    [Test, Promise(9)]
    public async Task A_task_that_outlives_its_request_is_told_which_one_it_was()
    {
        var (released, asked) = (new TaskCompletionSource(), new TaskCompletionSource<Exception?>());
        (await _app.Post(context =>
        {
            context.Session().Scalar("select 1");
            _ = Task.Run(async () =>
            {
                await released.Task;
                asked.SetResult(Assert.Catch(() => _app.Factories.Master.GetCurrentSession()));
            });
            return Task.FromResult(SessionApp.Done());
        })).Ok();
        released.SetResult();
        Assert.That(await asked.Task, Is.InstanceOf<ObjectDisposedException>().With.Message.Contains("POST").And.Message.Contains("BeginScope"));
    }

    [Test]
    public async Task Evicting_an_entity_from_the_cache_by_its_id_needs_a_scope()
    {
        // NHibernate asks for the current session to make the key.
        Assert.That(() => _app.Factories.Master.Evict(typeof(Setting), Guid.NewGuid()), Throws.InvalidOperationException.With.Message.Contains("BeginScope"));
        (await _app.Post(_ =>
        {
            _app.Factories.Master.Evict(typeof(Setting), Guid.NewGuid());
            return Task.FromResult(SessionApp.Done());
        })).Ok();
    }

    internal sealed class UserStore(ISession session)
    {
        public ISession Session { get; } = session;
    }

    internal sealed class Repository(ISessionFactory factory)
    {
        public ISessionFactory Factory { get; } = factory;
    }
}
