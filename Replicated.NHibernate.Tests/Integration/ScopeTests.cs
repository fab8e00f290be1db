using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Scopes begun in so many words, outside requests and inside.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(11)]
internal sealed class ScopeTests(UnitOfWork unit)
{
    private const int RolledBack = 5;
    private WorkApp _app = null!;

    private IReplicatedSessions Sessions => _app.Sessions;

    [SetUp]
    public async Task Start() => _app = await WorkApp.StartAsync(unit);

    [TearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task What_is_committed_is_there_and_not_before()
    {
        var id = Guid.NewGuid();
        await using var scope = Sessions.BeginScope();
        await Insert(id);
        var before = await SharedCluster.IsOnMaster(id);
        await scope.CommitAsync();
        Assert.That((before, await SharedCluster.IsOnMaster(id)), Is.EqualTo((false, true)));
    }

    [Test]
    public async Task A_scope_can_be_committed_several_times_and_loses_only_what_came_after_the_last()
    {
        var ids = Enumerable.Range(0, 3).Select(_ => Guid.NewGuid()).ToArray();
        await using (var scope = Sessions.BeginScope(DatabaseRole.Master))
        {
            await Insert(ids[0]);
            await scope.CommitAsync();
            await _app.Services.NewBoard().AddAsync(ids[1]);
            await scope.CommitAsync();
            await Insert(ids[2]);
        }

        bool[] there = [await SharedCluster.IsOnMaster(ids[0]), await SharedCluster.IsOnMaster(ids[1]), await SharedCluster.IsOnMaster(ids[2])];
        Assert.That(there, Is.EqualTo(new[] { true, true, false }));
        Assert.That(_app.Log.Messages(RolledBack).Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task What_was_rolled_back_stays_so_and_what_came_after_is_committed()
    {
        var (first, second, third) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        await using (var scope = Sessions.BeginScope())
        {
            await Insert(first);
            await _app.Services.NewBoard().AddAsync(second);
            await scope.RollbackAsync();
            await Insert(third);
            await scope.CommitAsync();
        }

        bool[] there = [await SharedCluster.IsOnMaster(first), await SharedCluster.IsOnMaster(second), await SharedCluster.IsOnMaster(third)];
        Assert.That(there, Is.EqualTo(new[] { false, false, true }));
        Assert.That(_app.Log.Messages(RolledBack), Is.Empty);
    }

    [Test]
    public async Task Disposal_without_a_commit_rolls_back_and_warns([Values] bool synchronously, [Values("execute", "add", "returning")] string how)
    {
        var id = Guid.NewGuid();
        var scope = Sessions.BeginScope();
        await (how switch
        {
            "add" => _app.Services.NewBoard().AddAsync(id),
            "execute" => Insert(id),
            _ => _app.Services.NewBoard().ScalarAsync($"insert into post (id, title) values ('{id}', 'never') returning version"),
        });
        await Dispose(scope, synchronously);

        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
        Assert.That(_app.Log.Messages(RolledBack).Single(), Does.Contain("BeginScope").And.Contain("CommitAsync()"));
        Assert.That(Sessions.CurrentRoute, Is.Null);
    }

    [Test]
    public async Task Disposal_without_a_write_warns_of_nothing([Values] DatabaseRole role, [Values] bool committed)
    {
        await using (var scope = Sessions.BeginScope(role))
        {
            await _app.Services.NewBoard().WhereAsync();
            if (committed)
            {
                await scope.CommitAsync();
            }
        }

        Assert.That(_app.Log.Messages(RolledBack), Is.Empty);
    }

    [Test, Promise(12)]
    public async Task A_slave_scope_reads_on_a_slave_and_cannot_write()
    {
        var id = Guid.NewGuid();
        await using var scope = Sessions.BeginScope(DatabaseRole.Slave);
        var place = await _app.Services.NewBoard().WhereAsync();
        await Assert.CatchAsync(() => Insert(id));
        await scope.CommitAsync();
        Assert.That((place.InRecovery, scope.Role, scope.Route.Reason), Is.EqualTo((true, DatabaseRole.Slave, RouteReason.Scope)));
        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
    }

    [Test]
    public async Task The_other_role_is_a_block_away()
    {
        var id = Guid.NewGuid();
        await using (var scope = Sessions.BeginScope(DatabaseRole.Slave))
        {
            using (Sessions.UseMaster())
            {
                await Insert(id);
            }

            Assert.That((await _app.Services.NewBoard().WhereAsync()).InRecovery, Is.True);
            await scope.CommitAsync();
        }

        Assert.That(await SharedCluster.IsOnMaster(id), Is.True);
    }

    [Test]
    public async Task A_scope_inside_a_request_is_its_own_and_gives_the_requests_back()
    {
        var (own, requests) = (Guid.NewGuid(), Guid.NewGuid());
        var onSlave = new List<bool>();
        await _app.Get(async context =>
        {
            async Task Ask() => onSlave.Add((await context.Board().WhereAsync()).InRecovery);
            await Ask();
            using (Sessions.UseMaster())
            {
                await context.Board().ExecuteAsync($"insert into post (id, title) values ('{requests}', 'never')");
                await using (var scope = Sessions.BeginScope(DatabaseRole.Slave))
                {
                    await Ask();
                    await using (var inner = Sessions.BeginScope(DatabaseRole.Master))
                    {
                        await Ask();
                        await context.Board().ExecuteAsync($"insert into post (id, title) values ('{own}', 'a post')");
                        await inner.CommitAsync();
                    }

                    await Ask();
                }

                await Ask();
            }

            // To read there would be refused: the request's write is not committed.
            onSlave.Add(Sessions.CurrentRoute!.Role == DatabaseRole.Slave);
            throw new InvalidOperationException("on purpose");
        });

        Assert.That(onSlave, Is.EqualTo(new[] { true, true, false, true, false, true }));
        Assert.That((await SharedCluster.IsOnMaster(own), await SharedCluster.IsOnMaster(requests)), Is.EqualTo((true, false)));
    }

    [Test]
    public async Task A_disposed_scope_says_that_it_has_ended([Values] bool synchronously)
    {
        var scope = Sessions.BeginScope();
        var board = _app.Services.NewBoard();
        await board.WhereAsync();
        await Dispose(scope, synchronously);
        await Dispose(scope, synchronously);

        var commit = await Assert.ThrowsAsync<ObjectDisposedException>(() => scope.CommitAsync());
        Assert.That(commit!.Message, Does.Contain("A scope begun by BeginScope has ended").And.Contain("IReplicatedSessions.BeginScope"));
        await Assert.CatchAsync<ObjectDisposedException>(() => board.WhereAsync());
        Assert.That(async () => await scope.RollbackAsync(), Throws.Nothing, "There is nothing left to roll back.");
    }

    [Test]
    public async Task Parallel_scopes_do_not_disturb_each_other()
    {
        var ids = Enumerable.Range(0, 8).Select(_ => Guid.NewGuid()).ToArray();
        using var all = new Barrier(ids.Length);
        await Task.WhenAll(ids.Select((id, i) => Task.Run(async () =>
        {
            await using var scope = Sessions.BeginScope();
            all.SignalAndWait();
            await Insert(id);
            if (i % 2 == 0)
            {
                await scope.CommitAsync();
            }
        })));

        var there = new List<bool>();
        foreach (var id in ids)
        {
            there.Add(await SharedCluster.IsOnMaster(id));
        }

        Assert.That(there, Is.EqualTo(ids.Select((_, i) => i % 2 == 0)));
    }

    [Test]
    public void A_role_that_does_not_exist_is_refused()
    {
        var thrown = Assert.Throws<ArgumentOutOfRangeException>(() => Sessions.BeginScope((DatabaseRole)7));
        Assert.That(thrown!.Message, Does.Contain("Master or Slave"));
    }

    [Test, Promise(9)]
    public async Task A_query_that_writes_after_the_commit_is_refused()
    {
        var id = Guid.NewGuid();
        var reply = await _app.Post(async context =>
        {
            var board = context.Board();
            await board.WhereAsync();
            await context.Response.StartAsync();
            await board.ScalarAsync($"insert into post (id, title) values ('{id}', 'never') returning version");
        }).ContinueWith(t => t.Exception, TaskScheduler.Default);
        Assert.That(reply, Is.Not.Null, "The response had begun, so it breaks off.");
        Assert.That(_app.Log.LastException?.ToString(), Does.Contain("after the work of Endpoint POST"));
        Assert.That(await SharedCluster.IsOnMaster(id), Is.False);
    }

    [Test, Promise(9)]
    public async Task A_task_that_outlives_its_request_is_told_so_and_may_begin_a_scope()
    {
        var (id, ended) = (Guid.NewGuid(), new TaskCompletionSource());
        var forgotten = new TaskCompletionSource<(Exception? Board, Exception? Block, Route? Route)>();
        (await _app.Get(async context =>
        {
            var board = context.Board();
            await board.WhereAsync();
            _ = Task.Run(async () =>
            {
                await ended.Task;
                var (fromBoard, fromBlock) = (await Caught(board.WhereAsync), await Caught(() => Task.FromResult(Sessions.UseMaster())));
                var route = Sessions.CurrentRoute;
                await using (var scope = Sessions.BeginScope())
                {
                    await Insert(id);
                    await scope.CommitAsync();
                }

                forgotten.SetResult((fromBoard, fromBlock, route));
            });
        })).Ok();
        ended.SetResult();
        var seen = await forgotten.Task.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.That(seen.Board, Is.InstanceOf<ObjectDisposedException>());
        Assert.That(seen.Block, Is.InstanceOf<ObjectDisposedException>().With.Message.StartsWith("Endpoint GET /run has ended"));
        Assert.That(seen.Route, Is.Null);
        Assert.That(await SharedCluster.IsOnMaster(id), Is.True);
    }

    private static async Task<Exception?> Caught(Func<Task> work)
    {
        try
        {
            await work();
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    private static async Task Dispose(IReplicatedScope scope, bool synchronously)
    {
        if (synchronously)
        {
            scope.Dispose();
        }
        else
        {
            await scope.DisposeAsync();
        }
    }

    private Task Insert(Guid id) => _app.Services.NewBoard().ExecuteAsync($"insert into post (id, title) values ('{id}', 'a post')");
}
