using System.Data.Common;
using System.Transactions;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Replicated.NHibernate.Sessions;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>A TransactionScope around a scope of the library: what that commits is the TransactionScope's to commit.</summary>
internal sealed partial class TransactionScopeAroundTests
{
    private SessionApp _app = null!;

    private IReplicatedSessions Sessions => _app.Services.GetRequiredService<IReplicatedSessions>();

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task What_a_scope_commits_within_is_committed_with_it_and_what_it_does_not_commit_takes_it_along(
        [Values] bool completes, [Values] bool commits, [Values("session", "flushed session", "stateless", "connection")] string how)
    {
        var names = new[] { Guid.NewGuid().ToString(), Guid.NewGuid().ToString() };
        void Run()
        {
            using var around = Begin();
            foreach (var name in names)
            {
                using var container = _app.Services.CreateScope();
                using var scope = Sessions.BeginScope();
                Write(container.ServiceProvider, how, name);
                if (commits || name == names[0])
                {
                    scope.CommitAsync().GetAwaiter().GetResult();
                }
            }

            if (completes)
            {
                around.Complete();
            }
        }

        Assert.That(Run, completes && !commits ? Throws.InstanceOf<TransactionAbortedException>() : Throws.Nothing);
        Assert.That((await Count(names[0]), await Count(names[1])), Is.EqualTo(completes && commits ? (1, 1) : (0, 0)));
    }

    [Test]
    public async Task The_same_across_awaits([Values] bool completes, [Values("session", "flushed session", "stateless", "connection")] string how)
    {
        var name = Guid.NewGuid().ToString();
        using (var around = Begin())
        {
            await using var container = _app.Services.CreateAsyncScope();
            await using var scope = Sessions.BeginScope();
            await Task.Yield();
            Write(container.ServiceProvider, how, name);
            await scope.CommitAsync();
            await Task.Yield();
            Write(container.ServiceProvider, how, name);
            await scope.CommitAsync();
            if (completes)
            {
                around.Complete();
            }
        }

        Assert.That(await Count(name), Is.EqualTo(completes ? 2 : 0));
    }

    [Test]
    public async Task A_scope_that_only_read_leaves_it_alone([Values("session", "stateless", "connection")] string how)
    {
        var name = Guid.NewGuid().ToString();
        using (var around = Begin())
        {
            await using (var container = _app.Services.CreateAsyncScope())
            await using (Sessions.BeginScope())
            {
                await Read(container.ServiceProvider, how);
            }

            await using (var container = _app.Services.CreateAsyncScope())
            await using (var scope = Sessions.BeginScope())
            {
                Write(container.ServiceProvider, how, name);
                await scope.CommitAsync();
            }

            around.Complete();
        }

        Assert.That(await Count(name), Is.EqualTo(1));
    }

    [Test]
    public async Task A_token_that_is_given_before_its_commit_knows_no_place([Values("session", "stateless", "connection")] string how)
    {
        using var around = Begin();
        await using var container = _app.Services.CreateAsyncScope();
        await using var scope = Sessions.BeginScope();
        Write(container.ServiceProvider, how, "tokened");
        await scope.CommitAsync();
        Assert.That(scope.Token, Is.Not.Null.And.Property(nameof(ConsistencyToken.Position)).Null);
        around.Complete();
    }

    [Test]
    public async Task A_second_level_cache_learns_of_what_was_written_with_the_TransactionScope([Values] bool completes)
    {
        var key = Guid.NewGuid();
        await Database.Execute($"insert into setting values ('{key}', 'before')");
        using (var around = Begin())
        {
            await using (var container = _app.Services.CreateAsyncScope())
            await using (var scope = Sessions.BeginScope())
            {
                container.ServiceProvider.Session().Get<Setting>(key).Name = "after";
                await scope.CommitAsync();
            }

            if (completes)
            {
                around.Complete();
            }
        }

        await using var reading = Sessions.BeginScope();
        Assert.That(_app.Factories.Master.GetCurrentSession().Get<Setting>(key).Name, Is.EqualTo(completes ? "after" : "before"));
    }

    [Test]
    public async Task Sessions_and_connections_are_balanced([Values] bool completes, [Values] bool commits)
    {
        await using var app = await SessionApp.StartAsync(configure: () => Database.Configure().BuildConfiguration().SetProperty(global::NHibernate.Cfg.Environment.GenerateStatistics, "true"));
        try
        {
            using var around = Begin();
            await using var container = app.Services.CreateAsyncScope();
            await using var scope = app.Services.GetRequiredService<IReplicatedSessions>().BeginScope();
            Write(container.ServiceProvider, "session", "balanced");
            if (commits)
            {
                await scope.CommitAsync();
            }

            if (completes)
            {
                around.Complete();
            }
        }
        catch (TransactionAbortedException) when (!commits)
        {
        }

        var statistics = app.Factories.Master.Statistics;
        Assert.That((statistics.SessionOpenCount, statistics.SessionCloseCount), Is.EqualTo((1, 1)));
    }

    private static TransactionScope Begin() => new(TransactionScopeOption.Required, new TransactionOptions { IsolationLevel = IsolationLevel.ReadCommitted }, TransactionScopeAsyncFlowOption.Enabled);

    private static void Write(IServiceProvider services, string how, string name)
    {
        switch (how)
        {
            case "stateless":
                services.GetRequiredService<IStatelessSession>().Insert(new Note { Name = name });
                break;
            case "connection":
                services.GetRequiredService<DbConnection>().Execute("insert into note values (@id, @name)", new { id = Guid.NewGuid(), name });
                break;
            default:
                services.Session().Save(new Note { Name = name });
                if (how == "flushed session")
                {
                    services.Session().Flush();
                }

                break;
        }
    }

    private static Task Read(IServiceProvider services, string how) => how switch
    {
        "session" => services.Session().GetAsync<Note>(Guid.NewGuid()),
        "stateless" => services.GetRequiredService<IStatelessSession>().GetAsync<Note>(Guid.NewGuid()),
        _ => services.GetRequiredService<DbConnection>().ExecuteScalarAsync("select 1"),
    };

    private static Task<long> Count(string name) => Database.Ask<long>($"select count(*) from note where name = '{name}'");
}
