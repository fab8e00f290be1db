using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Blocks change what GetCurrentSession() answers, and nothing else.</summary>
[Promise(7)]
internal sealed class BlockTests
{
    private SessionApp _app = null!;

    private IReplicatedSessions Sessions => _app.Services.GetRequiredService<IReplicatedSessions>();

    private ISession Current => _app.Factories.Master.GetCurrentSession();

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task The_session_of_a_block_is_the_scopes_session_of_that_role_and_the_former_one_comes_back()
    {
        var answer = await _app.Post(context =>
        {
            var master = context.Session();
            ISession slave;
            using (Sessions.UseSlave())
            {
                slave = Current;
                using (Sessions.UseMaster())
                {
                    Assert.That(Current, Is.SameAs(master));
                }

                Assert.That(Current, Is.SameAs(slave));
                Assert.That(() =>
                {
                    using (Sessions.UseMaster())
                    {
                        throw new InvalidOperationException("on purpose");
                    }
                }, Throws.InvalidOperationException);
                Assert.That(Current, Is.SameAs(slave));
            }

            using (Sessions.UseSlave())
            {
                Assert.That(Current, Is.SameAs(slave), "one slave session for the scope");
            }

            return Task.FromResult(SessionApp.Done((ReferenceEquals(Current, master), slave.Scalar("select pg_is_in_recovery()"), master.Scalar("select pg_is_in_recovery()"))));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("(True, True, False)"));
    }

    [Test]
    public async Task What_a_master_block_wrote_in_a_get_is_committed_with_the_request()
    {
        var name = Guid.NewGuid().ToString();
        (await _app.Get(async context =>
        {
            var slave = context.Session();
            using (Sessions.UseMaster())
            {
                await Current.SaveAsync(new Note { Name = name });
            }

            return SessionApp.Done(slave.IsOpen);
        })).Ok();
        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.EqualTo(1));
    }

    [Test, Promise(12)]
    public async Task Where_the_slave_session_was_changed_the_masters_work_is_not_committed_either()
    {
        var key = Guid.NewGuid();
        await Database.Execute($"insert into invoice (id, name) values ('{key}', '{key}')");
        await Database.Cluster.WaitForSlavesAsync();
        var answer = await _app.Post(async context =>
        {
            await context.Session().SaveAsync(new Note { Name = key.ToString() });
            using (Sessions.UseSlave())
            {
                (await Current.GetAsync<Invoice>(key)).Name = "touched";
            }

            return SessionApp.Done();
        });
        Assert.That(answer.Thrown, Is.InstanceOf<SlaveWriteException>());
        Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{key}'"), Is.Zero);
    }

    [Test]
    public async Task Parallel_branches_do_not_disturb_each_other()
    {
        for (var round = 0; round < 10; round++)
        {
            var name = Guid.NewGuid().ToString();
            var answer = await _app.Post(async context =>
            {
                var met = new Barrier();
                var places = await Task.WhenAll(Branch(Sessions.UseMaster, met, async session =>
                {
                    await session.SaveAsync(new Note { Name = name });
                    await session.FlushAsync();
                }), Branch(Sessions.UseSlave, met, session => session.CreateSQLQuery("select cast(pg_sleep(0.001) as text)").ListAsync()));
                return SessionApp.Done($"{places[0]}, {places[1]}, {ReferenceEquals(Current, context.Session())}");
            });
            Assert.That(answer.Ok().Body, Is.EqualTo("False, True, True"));
            Assert.That(await Database.Ask<long>($"select count(*) from note where name = '{name}'"), Is.EqualTo(1));
        }
    }

    private async Task<string> Branch(Func<IDisposable> block, Barrier met, Func<ISession, Task> work)
    {
        using (block())
        {
            await met.Meet();
            await work(Current);
            await Task.Yield();
            return (await Current.CreateSQLQuery("select pg_is_in_recovery()").UniqueResultAsync()).ToString()!;
        }
    }

    /// <summary>Neither branch goes on before both are in their blocks.</summary>
    private sealed class Barrier
    {
        private readonly TaskCompletionSource _both = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _here;

        public Task Meet()
        {
            if (Interlocked.Increment(ref _here) == 2)
            {
                _both.SetResult();
            }

            return _both.Task;
        }
    }
}
