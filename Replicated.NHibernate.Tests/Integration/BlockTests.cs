using System.Net;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>What a block changes and what it leaves alone.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(7)]
internal sealed class BlockTests(UnitOfWork unit)
{
    private WorkApp _app = null!;

    private IReplicatedSessions Sessions => _app.Sessions;

    [OneTimeSetUp]
    public async Task Start() => _app = await WorkApp.StartAsync(unit);

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task Blocks_nest_and_give_the_former_role_back([Values("GET", "POST")] string verb)
    {
        var onSlave = new List<bool>();
        await Send(verb, async context =>
        {
            async Task Ask() => onSlave.Add((await context.Board().WhereAsync()).InRecovery);
            await Ask();
            using (Sessions.UseMaster())
            {
                await Ask();
                using (Sessions.UseSlave())
                {
                    await Ask();
                    using (Sessions.UseMaster())
                    {
                        await Ask();
                    }

                    await Ask();
                }

                await Ask();
            }

            await Ask();
        });
        var outside = verb == "GET";
        Assert.That(onSlave, Is.EqualTo(new[] { outside, false, true, false, true, false, outside }));
    }

    [Test]
    public async Task A_block_gives_the_former_role_back_when_it_throws()
    {
        var onSlave = new List<bool>();
        (await _app.Get(async context =>
        {
            try
            {
                using (Sessions.UseMaster())
                {
                    onSlave.Add((await context.Board().WhereAsync()).InRecovery);
                    throw new InvalidOperationException("on purpose");
                }
            }
            catch (InvalidOperationException)
            {
                onSlave.Add((await context.Board().WhereAsync()).InRecovery);
            }
        })).Ok();
        Assert.That(onSlave, Is.EqualTo(new[] { false, true }));
    }

    [Test]
    public async Task A_block_that_is_disposed_twice_gives_the_role_back_once()
    {
        string?[] roles = [];
        await _app.Get(_ =>
        {
            var outer = Sessions.UseMaster();
            var inner = Sessions.UseSlave();
            inner.Dispose();
            var again = Sessions.UseSlave();
            inner.Dispose();
            var inAgain = Sessions.CurrentRoute?.Role;
            again.Dispose();
            roles = [$"{inAgain}", $"{Sessions.CurrentRoute?.Role}"];
            outer.Dispose();
            return Task.CompletedTask;
        });
        Assert.That(roles, Is.EqualTo(new[] { "Slave", "Master" }));
    }

    [Test]
    public async Task Parallel_branches_do_not_disturb_each_other()
    {
        var places = new List<(string Branch, Place Place)>();
        (await _app.Post(async context =>
        {
            var (both, gate) = (new CountdownEvent(2), new SemaphoreSlim(1));
            async Task Branch(string name, Func<IDisposable> block)
            {
                await Task.Yield();
                using (block())
                {
                    both.Signal();
                    await Task.Run(both.Wait);
                    for (var i = 0; i < 20; i++)
                    {
                        await gate.WaitAsync();
                        places.Add((name, await context.Board().WhereAsync()));
                        gate.Release();
                        await Task.Yield();
                    }
                }
            }

            await Task.WhenAll(Branch("master", Sessions.UseMaster), Branch("slave", Sessions.UseSlave));
            places.Add(("after", await context.Board().WhereAsync()));
        })).Ok();

        Assert.That(places.Where(p => p.Branch == "slave").Select(p => p.Place.InRecovery), Is.All.True.And.Exactly(20).Items);
        Assert.That(places.Where(p => p.Branch == "master").Select(p => p.Place.InRecovery), Is.All.False.And.Exactly(20).Items);
        Assert.That(places[^1].Place.InRecovery, Is.False);
    }

    [Test]
    public async Task A_block_of_an_async_helper_is_the_helpers_only()
    {
        var onSlave = new List<bool>();
        (await _app.Get(async context =>
        {
            async Task Ask() => onSlave.Add((await context.Board().WhereAsync()).InRecovery);
            async Task Helper()
            {
                using (Sessions.UseMaster())
                {
                    await Task.Yield();
                    await Ask();
                }

                // Never disposed: gone with the method that began it.
                Sessions.UseMaster();
                await Ask();
            }

            await Helper();
            await Ask();
        })).Ok();
        Assert.That(onSlave, Is.EqualTo(new[] { false, false, true }));
    }

    [Test]
    public async Task What_was_injected_before_a_block_is_not_changed()
    {
        var onSlave = new List<bool>();
        (await _app.Get(async context =>
        {
            var injected = context.Board();
            using (Sessions.UseMaster())
            {
                onSlave.Add((await injected.WhereAsync()).InRecovery);
                onSlave.Add((await context.Board().WhereAsync()).InRecovery);
            }

            onSlave.Add((await context.Board().WhereAsync()).InRecovery);
        })).Ok();
        Assert.That(onSlave, Is.EqualTo(new[] { true, false, true }));
    }

    [Test]
    public async Task What_a_master_block_of_a_get_does_is_committed_with_the_request()
    {
        var id = Guid.NewGuid();
        var inside = true;
        (await _app.Get(async context =>
        {
            using (Sessions.UseMaster())
            {
                await context.Board().AddAsync(id);
                await context.Board().HasAsync(id);
            }

            inside = await SharedCluster.IsOnMaster(id);
        })).Ok();
        Assert.That((inside, await SharedCluster.IsOnMaster(id)), Is.EqualTo((false, true)));
    }

    [Test]
    public async Task What_a_master_block_of_a_get_did_is_rolled_back_with_the_request()
    {
        var id = Guid.NewGuid();
        var reply = await _app.Get(async context =>
        {
            using (Sessions.UseMaster())
            {
                await context.Board().ExecuteAsync($"insert into post (id, title) values ('{id}', 'never')");
            }

            throw new InvalidOperationException("on purpose");
        });
        Assert.That((reply.Status, await SharedCluster.IsOnMaster(id)), Is.EqualTo((HttpStatusCode.InternalServerError, false)));
    }

    [Test]
    public async Task A_slave_block_of_a_post_reads_beside_the_posts_transaction()
    {
        var id = Guid.NewGuid();
        var (onMaster, onSlave) = (false, true);
        (await _app.Post(async context =>
        {
            await context.Board().ExecuteAsync($"insert into post (id, title) values ('{id}', 'a post')");
            onMaster = await context.Board().HasAsync(id);
            using (Sessions.UseSlave())
            {
                onSlave = await context.Board().HasAsync(id);
            }
        })).Ok();
        Assert.That((onMaster, onSlave, await SharedCluster.IsOnMaster(id)), Is.EqualTo((true, false, true)));
    }

    [Test, Promise(12)]
    public async Task A_write_in_a_slave_block_of_a_post_fails_and_takes_the_post_with_it()
    {
        var (id, refused) = (Guid.NewGuid(), Guid.NewGuid());
        var reply = await _app.Post(async context =>
        {
            await context.Board().AddAsync(id);
            using (Sessions.UseSlave())
            {
                await context.Board().ExecuteAsync($"insert into post (id, title) values ('{refused}', 'never')");
            }
        });
        Assert.That(reply.Status, Is.EqualTo(HttpStatusCode.InternalServerError));
        Assert.That((await SharedCluster.IsOnMaster(id), await SharedCluster.IsOnMaster(refused)), Is.EqualTo((false, false)));
    }

    [Test, Promise(4)]
    public async Task A_block_is_an_explicit_choice_that_the_switch_does_not_touch()
    {
        await using var app = await WorkApp.StartAsync(unit, settings: new() { ["Replicated:AutoReadOnSlave"] = "false" });
        var onSlave = new List<bool>();
        (await app.Get(async context =>
        {
            onSlave.Add((await context.Board().WhereAsync()).InRecovery);
            using (app.Sessions.UseSlave())
            {
                onSlave.Add((await context.Board().WhereAsync()).InRecovery);
            }
        })).Ok();
        Assert.That(onSlave, Is.EqualTo(new[] { false, true }));
    }

    [Test]
    public async Task The_route_in_force_says_that_a_block_was_the_reason()
    {
        var routes = new List<string>();
        await _app.Get(async context =>
        {
            routes.Add($"{Sessions.CurrentRoute}");
            using (Sessions.UseMaster())
            {
                routes.Add($"{Sessions.CurrentRoute}");
                await context.Board().WhereAsync();
                routes.Add($"{Sessions.CurrentRoute}");
            }
        });
        Assert.That(routes, Is.EqualTo(new[] { "role=slave; reason=verb", "role=master; reason=block", "role=master; node=master; reason=block" }));
        Assert.That(Sessions.CurrentRoute, Is.Null);
    }

    [Test]
    public void A_block_outside_any_scope_says_how_to_begin_one()
    {
        foreach (var block in new Func<IDisposable>[] { Sessions.UseSlave, Sessions.UseMaster })
        {
            var thrown = Assert.Throws<InvalidOperationException>(() => block());
            Assert.That(thrown!.Message, Does.Contain("There is no scope here").And.Contain("BeginScope").And.Contain("app.UseReplicatedSessions()"));
        }
    }

    private async Task Send(string verb, Func<Microsoft.AspNetCore.Http.HttpContext, Task> work) =>
        (await (verb == "GET" ? _app.Get(work) : _app.Post(work))).Ok();
}
