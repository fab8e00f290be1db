using Dapper;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Sessions from the container, with and without a request around them.</summary>
internal sealed class ContainerTests
{
    private SessionApp _app = null!;

    [SetUp]
    public async Task Start() => _app = await SessionApp.StartAsync();

    [TearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public void Nothing_is_registered_that_only_one_container_can_resolve()
    {
        var services = new ServiceCollection();
        services.AddReplicatedNHibernate(Database.Configure);
        Assert.That(services.Where(s => s.IsKeyedService), Is.Empty);
        Assert.That(services.Where(s => s.ImplementationType is null && s.ImplementationFactory is null && s.ImplementationInstance is null), Is.Empty);
        var published = services.Where(s => s.ServiceType.Assembly == typeof(ReplicatedOptions).Assembly || s.ServiceType.Namespace == "NHibernate").Select(s => s.ServiceType).ToArray();
        Assert.That(published, Is.Unique.And.SupersetOf(
            (Type[])[typeof(ISession), typeof(IStatelessSession), typeof(ISessionFactory), typeof(ReplicatedSessionFactories), typeof(IReplicatedSessions), typeof(IReplicatedScope)]));
    }

    [Test]
    public void What_the_application_registered_before_is_not_replaced()
    {
        var own = _app.Factories.Master;
        var services = new ServiceCollection();
        services.AddSingleton<ISessionFactory>(_ => own).AddScoped<ISession>(_ => null!);
        services.AddReplicatedNHibernate(Database.Configure);
        Assert.That(services.Count(s => s.ServiceType == typeof(ISession) || s.ServiceType == typeof(ISessionFactory)), Is.EqualTo(2));
    }

    [Test]
    public void A_session_cannot_be_resolved_from_the_root() =>
        Assert.That(() => new ServiceCollection().AddReplicatedNHibernate(Database.Configure).Services.BuildServiceProvider(validateScopes: true).GetRequiredService<ISession>(),
            Throws.InvalidOperationException.With.Message.Contains("root provider"));

    [Test, Promise(11)]
    public async Task A_container_scope_without_a_request_works_on_the_master_and_is_committed_by_its_scope()
    {
        var name = Guid.NewGuid().ToString();
        await using (var container = _app.Services.CreateAsyncScope())
        {
            var services = container.ServiceProvider;
            var session = services.GetRequiredService<ISession>();
            Assert.That((session.Scalar("select pg_is_in_recovery()"), services.GetRequiredService<ISession>()), Is.EqualTo(("False", session)));
            session.Save(new Note { Name = name });
            services.GetRequiredService<IStatelessSession>().Insert(new Note { Name = name });
            await services.GetRequiredService<System.Data.Common.DbConnection>().ExecuteAsync("insert into note values (@id, @name)", new { id = Guid.NewGuid(), name });
            Assert.That(await Count(name), Is.Zero);
            await services.GetRequiredService<IReplicatedScope>().CommitAsync();
            Assert.That(await Count(name), Is.EqualTo(3));
        }

        Assert.That(_app.Log.Messages(5), Is.Empty);
    }

    [Test, Promise(11)]
    public async Task Its_work_can_be_committed_by_a_transaction_of_its_own()
    {
        var name = Guid.NewGuid().ToString();
        using (var container = _app.Services.CreateScope())
        {
            var session = container.ServiceProvider.GetRequiredService<ISession>();
            using var own = session.BeginTransaction();
            session.Save(new Note { Name = name });
            own.Commit();
        }

        Assert.That((await Count(name), _app.Log.Messages(5).Count()), Is.EqualTo((1L, 0)));
    }

    [Test, Promise(11)]
    public async Task What_nobody_committed_is_rolled_back_with_a_warning(
        [Values("flushed", "saved", "changed", "stateless", "connection", "own transaction")] string how, [Values] bool async)
    {
        var name = Guid.NewGuid().ToString();
        await Database.Execute($"insert into setting values ('{name}', 'there')");
        var container = _app.Services.CreateAsyncScope();
        var session = container.ServiceProvider.GetRequiredService<ISession>();
        switch (how)
        {
            case "flushed":
                session.Save(new Note { Name = name });
                session.Flush();
                break;
            case "saved":
                session.Save(new Note { Name = name });
                break;
            case "changed":
                session.Get<Setting>(Guid.Parse(name)).Name = "touched";
                break;
            case "stateless":
                container.ServiceProvider.GetRequiredService<IStatelessSession>().Insert(new Note { Name = name });
                break;
            case "connection":
                await container.ServiceProvider.GetRequiredService<System.Data.Common.DbConnection>().ExecuteAsync("insert into note values (@id, @name)", new { id = Guid.NewGuid(), name });
                break;
            default:
                session.BeginTransaction();
                session.Save(new Note { Name = name });
                break;
        }

        if (async)
        {
            await container.DisposeAsync();
        }
        else
        {
            container.Dispose();
        }

        Assert.That(session.IsOpen, Is.False);
        Assert.That(await Count(name), Is.Zero);
        Assert.That(await Database.Ask<string>($"select name from setting where id = '{name}'"), Is.EqualTo("there"));
        Assert.That(_app.Log.Messages(5).Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task What_an_own_transaction_rolled_back_is_no_warning()
    {
        using (var container = _app.Services.CreateScope())
        {
            var session = container.ServiceProvider.GetRequiredService<ISession>();
            using var own = session.BeginTransaction();
            session.Save(new Note { Name = "thrown away" });
            own.Rollback();
        }

        await using (var container = _app.Services.CreateAsyncScope())
        {
            container.ServiceProvider.GetRequiredService<ISession>().Save(new Note { Name = "thrown away" });
            await container.ServiceProvider.GetRequiredService<IReplicatedScope>().RollbackAsync();
        }

        using (var container = _app.Services.CreateScope())
        {
            container.ServiceProvider.GetRequiredService<ISession>().Scalar("select 1");
        }

        Assert.That(_app.Log.Messages(5), Is.Empty);
    }

    [Test, Promise(11)]
    public async Task What_a_scope_rolled_back_is_not_in_its_next_commit([Values("stateful", "stateless", "failed commit")] string how)
    {
        await using var app = await SessionApp.StartAsync(configure: () =>
            Database.Configure().BuildConfiguration().SetProperty(global::NHibernate.Cfg.Environment.BatchSize, "20"));
        var (first, second, taken) = (Guid.NewGuid().ToString(), Guid.NewGuid().ToString(), Guid.NewGuid());
        await Database.Execute($"insert into setting values ('{taken}', 'there')");
        await using (var scope = app.Services.GetRequiredService<IReplicatedSessions>().BeginScope())
        {
            using var container = app.Services.CreateScope();
            var (session, stateless) = (container.ServiceProvider.GetRequiredService<ISession>(), container.ServiceProvider.GetRequiredService<IStatelessSession>());
            switch (how)
            {
                case "stateful":
                    session.Save(new Note { Name = first });
                    await scope.RollbackAsync();
                    break;
                case "stateless":
                    stateless.Insert(new Note { Name = first });
                    await scope.RollbackAsync();
                    break;
                default:
                    session.Save(new Note { Name = first });
                    session.Save(new Setting { Id = taken, Name = "again" });
                    Assert.That(() => scope.CommitAsync(), Throws.InstanceOf<global::NHibernate.Exceptions.GenericADOException>());
                    break;
            }

            session.Save(new Note { Name = second });
            stateless.Insert(new Note { Name = second });
            await scope.CommitAsync();
        }

        Assert.That((await Count(first), await Count(second), app.Log.Messages(5).Count()), Is.EqualTo((0L, 2L, 0)));
    }

    [Test]
    public async Task A_child_container_scope_inside_a_request_has_a_session_and_a_commit_of_its_own()
    {
        var (committed, forgotten, outer) = (Guid.NewGuid().ToString(), Guid.NewGuid().ToString(), Guid.NewGuid().ToString());
        var answer = await _app.Post(async context =>
        {
            context.Session().Save(new Note { Name = outer });
            await using (var child = context.RequestServices.CreateAsyncScope())
            {
                var session = child.ServiceProvider.GetRequiredService<ISession>();
                Assert.That(session, Is.Not.SameAs(context.Session()));
                session.Save(new Note { Name = committed });
                await child.ServiceProvider.GetRequiredService<IReplicatedScope>().CommitAsync();
                session.Save(new Note { Name = forgotten });
            }

            Assert.That((await Count(committed), await Count(outer)), Is.EqualTo((1L, 0L)));
            return SessionApp.Done(_app.Factories.Master.GetCurrentSession() == context.Session());
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("True"));
        Assert.That((await Count(outer), await Count(forgotten), _app.Log.Messages(5).Count()), Is.EqualTo((1L, 0L, 1)));
    }

    [Test, Promise(11)]
    public async Task Inside_a_scope_that_was_begun_every_container_scope_gives_out_its_session()
    {
        var name = Guid.NewGuid().ToString();
        await using (var scope = _app.Services.GetRequiredService<IReplicatedSessions>().BeginScope())
        {
            using var container = _app.Services.CreateScope();
            var session = container.ServiceProvider.GetRequiredService<ISession>();
            Assert.That(session, Is.SameAs(_app.Factories.Master.GetCurrentSession()));
            session.Save(new Note { Name = name });
            await scope.CommitAsync();
        }

        Assert.That(await Count(name), Is.EqualTo(1));
    }

    [Test, Promise(11)]
    public async Task The_container_does_not_end_a_scope_that_it_did_not_begin([Values] bool async)
    {
        var names = new[] { Guid.NewGuid().ToString(), Guid.NewGuid().ToString() };
        await using (var scope = _app.Services.GetRequiredService<IReplicatedSessions>().BeginScope())
        {
            var container = _app.Services.CreateAsyncScope();
            _app.Factories.Master.GetCurrentSession().Save(new Note { Name = names[0] });
            var handed = container.ServiceProvider.GetRequiredService<IReplicatedScope>();
            Assert.That((handed.Role, handed.Route), Is.EqualTo((scope.Role, scope.Route)));
            await handed.CommitAsync();
            _app.Factories.Master.GetCurrentSession().Save(new Note { Name = "rolled back" });
            await handed.RollbackAsync();
            if (async)
            {
                await container.DisposeAsync();
            }
            else
            {
                container.Dispose();
            }

            _app.Factories.Master.GetCurrentSession().Save(new Note { Name = names[1] });
            await scope.CommitAsync();
        }

        Assert.That((await Count(names[0]), await Count(names[1])), Is.EqualTo((1L, 1L)));
    }

    [Test, Promise(11)]
    public async Task A_container_scope_that_ends_before_the_commit_takes_no_changes_with_it_unheard()
    {
        var name = Guid.NewGuid().ToString();
        await using (var scope = _app.Services.GetRequiredService<IReplicatedSessions>().BeginScope())
        {
            using (var container = _app.Services.CreateScope())
            {
                // The container disposes what it gave out.
                container.ServiceProvider.GetRequiredService<ISession>().Save(new Note { Name = name });
            }

            Assert.That(() => scope.CommitAsync(), Throws.InvalidOperationException.With.Message.Contains("closed with changes that were not flushed"));
        }

        Assert.That(await Count(name), Is.Zero);
    }

    private static Task<long> Count(string name) => Database.Ask<long>($"select count(*) from note where name = '{name}'");
}
