using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;
using Replicated.NHibernate.Tests.Support.MariaDb;

namespace Replicated.NHibernate.Tests.Databases.MariaDb;

/// <summary>What a write on MariaDB gives its client, and where the client reads then.</summary>
[Promise(10)]
internal sealed class MariaDbTokenTests
{
    private MariaDbCluster _cluster = null!;
    private WorkApp _app = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _cluster = await MariaDbCluster.StartAsync(MariaDbBoard.Schema + "; create function add_post(i char(36)) returns int modifies sql data begin insert into post (id, title) values (i, 'by a function'); return 1; end");
        _app = await WorkApp.StartAsync(MariaDbBoard.Unit, settings: _cluster.Configuration(), slaves: 0);
        await _app.UntilAll(state => state == NodeState.Up);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        if (_app is not null)
        {
            await _app.DisposeAsync();
            await _cluster.DisposeAsync();
        }
    }

    [TearDown]
    public Task GoOn() => Task.WhenAll(_cluster.Slaves.Select(s => s.ResumeAsync()));

    [Test]
    public async Task Client_reads_its_write_on_the_master_until_a_slave_has_it()
    {
        await Task.WhenAll(_cluster.Slaves.Select(s => s.PauseAsync()));
        var client = new TokenClient(_app);
        var id = await client.Write();
        var behind = await client.Read(id);
        var stranger = await new TokenClient(_app).Read(id);
        await _cluster.Slaves[1].ResumeAsync();
        await _cluster.Slaves[1].WaitUntilAsync(await _cluster.Master.Ask<string>("select @@global.gtid_binlog_pos"));
        await _app.UntilKnown("slave-2", client.Token.Position!.Value);
        var caughtUp = await client.Read(id);
        Assert.Multiple(() =>
        {
            Assert.That((behind.Has, behind.Route), Is.EqualTo((true, "role=slave; node=master; reason=token")));
            Assert.That((stranger.Has, stranger.Place.InRecovery), Is.EqualTo((false, true)), "Nobody else's read waits.");
            Assert.That((caughtUp.Has, caughtUp.Route), Is.EqualTo((true, "role=slave; node=slave-2; reason=verb")));
        });
    }

    [Test]
    public async Task Token_names_the_transaction_itself()
    {
        var reply = (await _app.Post(context => context.Board().AddAsync(Guid.NewGuid()))).Ok();
        var told = ConsistencyToken.Parse(reply.TokenHeader).Position!.Value;
        Assert.That((told.Log, told.Logs), Is.EqualTo(((UInt128)0, 1)));
        Assert.That(await _cluster.Master.Ask<string>("select @@global.gtid_binlog_pos"), Does.EndWith($"-{told.Offset}"));
    }

    [Test]
    public async Task Transaction_that_only_read_gives_no_token_and_one_that_wrote_by_a_function_does()
    {
        var read = (await _app.Post(async context => await context.Board().ScalarAsync("select count(*) from post"))).Ok();
        var nothing = (await _app.Post(context => context.Board().ExecuteAsync("update post set title = 'x' where id = 'nobody'"))).Ok();
        var id = Guid.NewGuid();
        var wrote = (await _app.Post(async context => await context.Board().ScalarAsync($"select add_post('{id}')"))).Ok();
        Assert.That((read.TokenHeader, nothing.TokenHeader), Is.EqualTo(((string?)null, (string?)null)));
        Assert.That(ConsistencyToken.Parse(wrote.TokenHeader).Position, Is.Not.Null);
    }

    [Test]
    public async Task Two_transactions_of_one_request_are_told_apart()
    {
        ConsistencyToken? first = null, second = null;
        (await _app.Post(async context =>
        {
            var connection = context.RequestServices.GetRequiredService<System.Data.Common.DbConnection>();
            await using (var own = await connection.BeginTransactionAsync())
            {
                await context.Board().AddAsync(Guid.NewGuid());
                await own.CommitAsync();
            }

            first = _app.Sessions.CurrentToken;
            await using (var own = await connection.BeginTransactionAsync())
            {
                await context.Board().ScalarAsync("select count(*) from post");
                await own.CommitAsync();
            }

            second = _app.Sessions.CurrentToken;
        })).Ok();
        Assert.That(first?.Position, Is.Not.Null);
        Assert.That(second, Is.EqualTo(first), "The second one wrote nothing.");
    }

    [Test]
    public async Task Writes_in_two_domains_are_both_waited_for()
    {
        await _cluster.Master.Execute("set global gtid_domain_id = 0");
        var client = new TokenClient(_app);
        var first = await client.Write();
        var second = Guid.NewGuid();
        await _cluster.Master.Execute($"set session gtid_domain_id = 7; insert into app.post (id, title) values ('{second}', 'in a domain of its own')");
        var number = (await _cluster.Master.Ask<string>("select @@global.gtid_binlog_pos")).Split(',').Single(g => g.StartsWith("7-", StringComparison.Ordinal)).Split('-')[2];
        client.Cookie = new ConsistencyToken(TimeProvider.System.GetUtcNow(), new Position(7, ulong.Parse(number, System.Globalization.CultureInfo.InvariantCulture))).ToString();
        await Task.WhenAll(_cluster.Slaves.Select(s => s.WaitUntilAsync($"7-1-{number}")));
        var there = await client.Read(first);
        client.Cookie = new ConsistencyToken(TimeProvider.System.GetUtcNow(), new Position(7, ulong.MaxValue / 2)).ToString();
        var ahead = await client.Read(first);
        Assert.That((there.Has, there.Place.InRecovery), Is.EqualTo((true, true)));
        Assert.That((ahead.Has, ahead.Place.InRecovery), Is.EqualTo((true, false)), "A place in the other domain that no slave has.");
    }

    [Test]
    public void User_without_the_privilege_is_told_of_it_once_for_each_node()
    {
        Assert.That(_app.Log.Messages(50).Order(StringComparer.Ordinal), Has.Exactly(3).Items.And.All.Contains("1227").And.All.Contains("grant replica monitor"));
        Assert.That(_app.Log.Messages(50).Count(m => m.StartsWith("Node master", StringComparison.Ordinal)), Is.EqualTo(1));
    }

    [Test]
    public void What_is_off_is_said_at_start_and_positions_are_not() => Assert.That(_app.Log.Messages(33), Is.Empty, "Everything is on.");
}
