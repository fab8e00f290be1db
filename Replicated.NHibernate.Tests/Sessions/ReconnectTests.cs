using Microsoft.Extensions.DependencyInjection;
using NHibernate;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Disconnect and Reconnect: a session of a scope comes back to the scope's connection, routed and guarded.</summary>
internal sealed class ReconnectTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync(new() { ["Replicated:TransactionPerRequest"] = "false" });

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task Session_comes_back_to_the_scopes_connection([Values("GET", "POST")] string verb, [Values] bool handsBack)
    {
        var answer = await _app.Send(new HttpMethod(verb), "/run", async context =>
        {
            var session = context.Session();
            var before = session.Backend();
            Reconnect(session, handsBack);
            var after = new[] { session.Backend(), await session.CreateSQLQuery("select pg_backend_pid()").UniqueResultAsync<int>(), context.Stateless().CreateSQLQuery("select pg_backend_pid()").UniqueResult<int>() };
            return SessionApp.Done((after.All(p => p == before), session.Scalar("select pg_is_in_recovery()")));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo(verb == "GET" ? "(True, True)" : "(True, False)"));
        await Leftovers.AreNone(_app);
    }

    [Test]
    public async Task Session_of_a_slave_is_guarded_afterwards([Values] bool handsBack)
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Get(session =>
        {
            Reconnect(session, handsBack);
            return session.CreateSQLQuery($"insert into note values (gen_random_uuid(), '{name}')").ExecuteUpdate();
        });
        Assert.That(answer.Thrown, Is.InstanceOf<SlaveWriteException>().With.Message.Contain("[UseMaster]"));
        Assert.That(await Count(name), Is.Zero);
        await Leftovers.AreNone(_app);
    }

    [Test]
    public async Task Session_of_the_master_writes_and_gets_a_token_afterwards([Values] bool handsBack)
    {
        var name = Guid.NewGuid().ToString();
        var answer = await _app.Post(session =>
        {
            session.Scalar("select 1");
            Reconnect(session, handsBack);
            using var transaction = session.BeginTransaction();
            session.Save(new Note { Name = name });
            transaction.Commit();
            return null;
        });
        Assert.That((answer.Ok().Token?.Position is not null, await Count(name)), Is.EqualTo((true, 1L)));
        await Leftovers.AreNone(_app);
    }

    [Test]
    public async Task Session_that_stays_disconnected_says_so_and_leaves_nothing()
    {
        var answer = await _app.Get(session =>
        {
            session.Scalar("select 1");
            session.Disconnect();
            Assert.That(session.IsConnected, Is.False);
            return session.Scalar("select 1");
        });
        Assert.That($"{answer.Thrown}", Does.Contain("disconnected"));
        await Leftovers.AreNone(_app);
    }

    [Test]
    public async Task Session_in_the_requests_transaction_cannot_be_disconnected_as_with_NHibernate()
    {
        await using var app = await SessionApp.StartAsync();
        var name = Guid.NewGuid().ToString();
        (await app.Post(session =>
        {
            session.Save(new Note { Name = name });
            Assert.That(session.Disconnect, Throws.InvalidOperationException);
            return null;
        })).Ok();
        Assert.That(await Count(name), Is.EqualTo(1));
        await Leftovers.AreNone(app);
    }

    private static void Reconnect(ISession session, bool handsBack)
    {
        var connection = session.Disconnect();
        if (handsBack)
        {
            session.Reconnect(connection);
        }
        else
        {
            session.Reconnect();
        }
    }

    private static Task<long> Count(string name) => Database.Ask<long>($"select count(*) from note where name = '{name}'");
}
