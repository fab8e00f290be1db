using System.Data.Common;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>A commit that is on its way is not cancelled any more, so it is tokened.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(10)]
internal sealed class TokenOfCancelledCommitTests(UnitOfWork unit)
{
    // The commit waits for whoever holds the lock.
    private const string Schema =
        """
        create table if not exists slow_commit (id uuid);
        create or replace function wait_for_lock() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock_shared(4711); return null; end $$;
        drop trigger if exists wait_for_lock on slow_commit;
        create constraint trigger wait_for_lock after insert on slow_commit deferrable initially deferred for each row execute function wait_for_lock();
        """;

    private WorkApp _app = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        await SharedCluster.Execute(SharedCluster.Master, Schema);
        _app = await WorkApp.StartAsync(unit);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task A_token_that_is_cancelled_while_the_database_commits_changes_nothing([Values("scope", "transaction")] string what)
    {
        var id = Guid.NewGuid();
        await using var holder = new NpgsqlConnection(SharedCluster.Master.ConnectionString);
        await holder.OpenAsync();
        await Run(holder, "select pg_advisory_lock(4711)");
        using var cancellation = new CancellationTokenSource();

        await using var container = _app.Services.CreateAsyncScope();
        await using var scope = _app.Sessions.BeginScope();
        var connection = container.ServiceProvider.GetRequiredService<DbConnection>();
        await connection.OpenAsync();
        await using var transaction = what == "transaction" ? await connection.BeginTransactionAsync() : null;
        await Run(connection, $"insert into slow_commit values ('{id}')");
        var commit = transaction?.CommitAsync(cancellation.Token) ?? scope.CommitAsync(cancellation.Token);
        await SharedCluster.Master.UntilTrue("select exists (select 1 from pg_locks where locktype = 'advisory' and objid = 4711 and not granted)");
        await cancellation.CancelAsync();
        await Run(holder, "select pg_advisory_unlock(4711)");
        await commit;

        Assert.That(await SharedCluster.Ask<bool>(SharedCluster.Master, $"select exists (select 1 from slow_commit where id = '{id}')"), Is.True);
        Assert.That(scope.Token?.Position, Is.Not.Null);
    }

    [Test]
    public async Task A_request_whose_client_has_gone_is_tokened_for_who_asks()
    {
        ConsistencyToken? token = null;
        await _app.Post(async context =>
        {
            context.RequestAborted = new CancellationToken(canceled: true);
            await context.Board().ExecuteAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'x')");
            await context.RequestServices.GetRequiredService<IReplicatedScope>().CommitAsync();
            token = _app.Sessions.CurrentToken;
        });
        Assert.That(token?.Position, Is.Not.Null);
    }

    private static async Task Run(DbConnection connection, string sql)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await command.ExecuteNonQueryAsync();
    }
}
