using System.Data.Common;
using System.Transactions;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What is rolled back within it, and what only read.</summary>
internal sealed partial class TransactionScopeAroundTests
{
    [Test]
    public async Task What_is_rolled_back_within_takes_it_along([Values("scope", "transaction", "disposed transaction")] string what, [Values("session", "flushed session", "stateless", "connection")] string how)
    {
        var name = Guid.NewGuid().ToString();
        var reached = false;
        async Task Run()
        {
            using var around = Begin();
            await using var container = _app.Services.CreateAsyncScope();
            await using var scope = Sessions.BeginScope();
            var own = what switch
            {
                "scope" => null,
                _ when how == "connection" => (IDisposable)await container.ServiceProvider.GetRequiredService<DbConnection>().BeginTransactionAsync(),
                _ when how == "stateless" => container.ServiceProvider.GetRequiredService<IStatelessSession>().BeginTransaction(),
                _ => container.ServiceProvider.Session().BeginTransaction(),
            };
            Write(container.ServiceProvider, how, name);
            if (what == "scope")
            {
                await scope.RollbackAsync();
            }
            else if (what == "disposed transaction")
            {
                own!.Dispose();
            }
            else if (own is ITransaction transaction)
            {
                await transaction.RollbackAsync();
            }
            else
            {
                await ((DbTransaction)own!).RollbackAsync();
            }

            reached = true;
            around.Complete();
        }

        await Assert.ThrowsAsync<TransactionAbortedException>(Run);
        Assert.That((reached, await Count(name)), Is.EqualTo((true, 0L)));
    }

    [Test]
    public async Task A_transaction_of_the_applications_own_that_only_read_leaves_it_alone_unless_it_says_so(
        [Values("disposed", "committed", "rolled back")] string ends, [Values("session", "stateless", "connection")] string how)
    {
        var name = Guid.NewGuid().ToString();
        var reached = false;
        void Run()
        {
            using var around = Begin();
            using var container = _app.Services.CreateScope();
            using var scope = Sessions.BeginScope();
            Read(container.ServiceProvider, how).GetAwaiter().GetResult();
            if (how == "connection")
            {
                using var own = container.ServiceProvider.GetRequiredService<DbConnection>().BeginTransaction();
                End(ends, own.Commit, own.Rollback);
            }
            else
            {
                using var own = how == "session" ? container.ServiceProvider.Session().BeginTransaction() : container.ServiceProvider.GetRequiredService<IStatelessSession>().BeginTransaction();
                End(ends, own.Commit, own.Rollback);
            }

            reached = true;
            if (ends != "rolled back")
            {
                Write(container.ServiceProvider, how, name);
                scope.CommitAsync().GetAwaiter().GetResult();
            }

            around.Complete();
        }

        Assert.That(Run, ends == "rolled back" ? Throws.InstanceOf<TransactionAbortedException>() : Throws.Nothing);
        Assert.That((reached, await Count(name)), Is.EqualTo((true, ends == "rolled back" ? 0L : 1L)));

        static void End(string ends, Action commit, Action rollback) => (ends == "committed" ? commit : ends == "rolled back" ? rollback : () => { })();
    }
}
