using System.Data.Common;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>A GET that writes in a UseMaster() block and goes on reading on its slave: it sees its write, or is told why it cannot.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(7), Promise(10)]
internal sealed class ReadBesideWriteTests(UnitOfWork unit)
{
    private OwnNodes _nodes = null!;

    [OneTimeSetUp]
    public async Task Start() => _nodes = await OwnNodes.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _nodes.DisposeAsync();

    [TearDown]
    public Task Resume() => _nodes.ResumeReplay();

    [Test]
    public async Task Read_after_an_uncommitted_write_is_refused_with_the_remedy([Values] bool readBefore, [Values] bool byStatement)
    {
        await using var app = await _nodes.App(unit);
        var id = Guid.NewGuid();
        var reply = await app.Get(async context =>
        {
            var board = context.Board();
            if (readBefore)
            {
                await board.WhereAsync();
            }

            using (app.Sessions.UseMaster())
            {
                // A session's insert waits for its flush; a plain connection's does not.
                await (byStatement ? context.Board().ExecuteAsync($"insert into post (id, title) values ('{id}', 'x')") : context.Board().AddAsync(id));
            }

            await board.HasAsync(id);
        });
        Assert.That(reply.Thrown?.GetBaseException(), Is.InstanceOf<InvalidOperationException>().With.Message.Contains("UseMaster()").And.Message.Contains("GetCurrentSession()").And.Message.Contains("BeginScope"));
        Assert.That(await _nodes.IsOnMaster(id), Is.False, "rolled back with the request");
    }

    [Test]
    public async Task Where_the_block_wrote_nothing_or_a_slave_is_asked_for_explicitly_the_slave_reads_on()
    {
        await using var app = await _nodes.App(unit);
        var id = Guid.NewGuid();
        var (plain, strict) = (new Place(0, false), new Place(0, false));
        (await app.Get(async context =>
        {
            var board = context.Board();
            using (app.Sessions.UseMaster())
            {
                await context.Board().WhereAsync();
            }

            plain = await board.WhereAsync();
            using (app.Sessions.UseMaster())
            {
                await context.Board().AddAsync(id);
            }

            using (app.Sessions.UseSlave())
            {
                strict = await context.Board().WhereAsync();
            }
        })).Ok();
        Assert.That((plain.InRecovery, strict.InRecovery, await _nodes.IsOnMaster(id)), Is.EqualTo((true, true, true)));
    }

    [Test]
    public async Task Read_after_a_committed_write_sees_it_on_the_slave_or_goes_on_on_the_master(
        [Values] bool paused, [Values] bool readBefore, [Values("own transaction", "scope", "by itself")] string how)
    {
        await using var app = await _nodes.App(unit, new()
        {
            ["Replicated:TransactionPerRequest"] = (how != "by itself").ToString(),
            ["Replicated:ReadYourWrites:WaitTimeout"] = paused ? "00:00:00.02" : "00:00:10",
        }, slaves: 1);
        if (paused)
        {
            await _nodes.Cluster.Slaves[0].PauseReplayAsync();
        }

        var (id, has, before, after) = (Guid.NewGuid(), false, new Place(0, true), new Place(0, false));
        var reply = await app.Get(async context =>
        {
            var board = context.Board();
            before = readBefore ? await board.WhereAsync() : before;
            await Write(app, context, id, how);
            (has, after) = (await board.HasAsync(id), await board.WhereAsync());
        });
        Assert.That((before.InRecovery, has, after.InRecovery), Is.EqualTo((true, true, !paused)), reply.Thrown?.ToString());
        Assert.That(reply.Ok().Route, paused ? Is.EqualTo("role=slave; node=master; reason=token") : Does.StartWith("role=slave; node=slave-1"));
    }

    [Test]
    public async Task Read_in_a_transaction_on_a_slave_that_lacks_the_write_is_refused()
    {
        await using var app = await _nodes.App(unit, new() { ["Replicated:ReadYourWrites:WaitTimeout"] = "00:00:00.02" }, slaves: 1);
        await _nodes.Cluster.Slaves[0].PauseReplayAsync();
        var reply = await app.Get(async context =>
        {
            var board = context.Board();
            await using var transaction = await context.RequestServices.GetRequiredService<DbConnection>().BeginTransactionAsync();
            await board.WhereAsync();
            await Write(app, context, Guid.NewGuid(), "scope");
            await board.WhereAsync();
        });
        Assert.That(reply.Thrown?.GetBaseException(), Is.InstanceOf<InvalidOperationException>().With.Message.Contains("not replayed yet"));
    }

    private static async Task Write(WorkApp app, Microsoft.AspNetCore.Http.HttpContext context, Guid id, string how)
    {
        if (how == "scope")
        {
            await using var scope = app.Sessions.BeginScope();
            await app.Services.NewBoard().AddAsync(id);
            await scope.CommitAsync();
            return;
        }

        using var block = app.Sessions.UseMaster();
        if (how == "own transaction")
        {
            await using var transaction = await context.RequestServices.GetRequiredService<DbConnection>().BeginTransactionAsync();
            await context.Board().AddAsync(id);
            await transaction.CommitAsync();
        }
        else
        {
            await context.Board().ExecuteAsync($"insert into post (id, title) values ('{id}', 'x')");
        }
    }
}
