using Microsoft.Extensions.DependencyInjection;
using NHibernate.AdoNet;
using NHibernate.Cfg;
using NHibernate.Engine;
using Replicated.NHibernate.Sessions;
using Replicated.NHibernate.Tests.Evidence;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>The guard stands in front of whatever batcher the application or the driver chose.</summary>
[TestFixture("DbBatch")]
[TestFixture("driver's")]
[TestFixture("none")]
internal sealed class BatcherTests(string kind)
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync(configure: () =>
    {
        var configuration = Database.Configure().BuildConfiguration();
        return kind switch
        {
            "DbBatch" => configuration.SetProperty(Environment.BatchSize, "4").SetProperty(Environment.BatchStrategy, typeof(DbBatchBatcherFactory).AssemblyQualifiedName),
            "driver's" => configuration.SetProperty(Environment.BatchSize, "4"),
            _ => configuration,
        };
    });

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public void The_chosen_one_works_behind_the_guard([Values] DatabaseRole role)
    {
        Assert.That(((ISessionFactoryImplementor)_app.Factories.Of(role)).Settings.BatcherFactory, Is.InstanceOf(kind switch
        {
            "DbBatch" => typeof(DbBatchBatcherFactory),
            "driver's" => typeof(GenericBatchingBatcherFactory),
            _ => typeof(NonBatchingBatcherFactory),
        }));
    }

    [Test]
    public async Task Many_rows_are_committed_or_rolled_back_together([Values] bool fails, [Values] bool async)
    {
        var name = Guid.NewGuid().ToString();
        await _app.Post(async context =>
        {
            for (var i = 0; i < 10; i++)
            {
                context.Session().Save(new Note { Name = name });
            }

            if (async)
            {
                await context.Session().FlushAsync();
            }
            else
            {
                context.Session().Flush();
            }

            return fails ? throw new InvalidOperationException("on purpose") : SessionApp.Done();
        });
        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.EqualTo(fails ? 0 : 10));
        Assert.That(await Database.Ask<long>($"select count(distinct xmin::text) from note where name = '{name}'"), Is.EqualTo(fails ? 0 : 1));
    }

    [Test]
    public async Task An_error_in_a_batch_that_was_swallowed_is_no_2xx([Values] bool async)
    {
        var name = Guid.NewGuid();
        await Database.Execute($"insert into setting values ('{name}', 'there')");
        var answer = await _app.Post(async context =>
        {
            var session = context.Session();
            session.Save(new Setting { Id = Guid.NewGuid(), Name = name.ToString() });
            session.Save(new Setting { Id = name, Name = name.ToString() });
            try
            {
                if (async)
                {
                    await session.FlushAsync();
                }
                else
                {
                    session.Flush();
                }
            }
            catch (global::NHibernate.Exceptions.GenericADOException)
            {
                session.Clear();
            }

            return SessionApp.Done();
        });
        Assert.That(answer.Thrown, Is.InstanceOf<InvalidOperationException>().With.Message.Contains("rolled back instead of committed"));
        Assert.That(await Database.Ask<long>($"select count(*) from setting where name = '{name}'"), Is.Zero);
    }

    [Test, Promise(12)]
    public async Task On_a_slave_the_guard_speaks_before_the_batcher()
    {
        var stateless = await _app.Get(context =>
        {
            context.Stateless().Insert(new Note { Name = "nowhere" });
            return Task.FromResult(SessionApp.Done());
        });
        var changed = Guid.NewGuid();
        await Database.Execute($"insert into setting values ('{changed}', 'there')");
        await Database.Cluster.WaitForSlavesAsync();
        var flushed = await _app.Get(session => session.Get<Setting>(changed).Name = "touched");
        Assert.That((stateless.Thrown, flushed.Thrown), Is.EqualTo((stateless.Thrown as SlaveWriteException, flushed.Thrown as SlaveWriteException)).And.Not.EqualTo((default(Exception), default(Exception))));
    }

    [Test, Promise(6)]
    public async Task A_stale_row_in_a_batch_is_an_error()
    {
        var key = Guid.NewGuid();
        await Database.Execute($"insert into invoice (id, name) values ('{key}', 'there')");
        var answer = await _app.Post(async context =>
        {
            context.Session().Get<Invoice>(key).Name = "touched";
            await Database.Execute($"update invoice set version = 9 where id = '{key}'");
            return SessionApp.Done();
        });
        Assert.That(answer.Thrown, Is.InstanceOf<global::NHibernate.StaleStateException>());
    }
}
