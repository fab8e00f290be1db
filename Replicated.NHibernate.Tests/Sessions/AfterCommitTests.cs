using System.Globalization;
using Microsoft.AspNetCore.Http;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>After the first byte there is nobody who would commit.</summary>
[Promise(9)]
internal sealed class AfterCommitTests
{
    private static readonly string[] OnlyInMemory =
    [
        "Changed_property", "Changed_property_of_a_proxy", "Added_to_an_inverse_collection", "Removed_from_an_inverse_collection", "Added_to_a_collection",
        "Cleared_a_collection", "Changed_entity_of_the_second_level_cache",
    ];

    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    public static IEnumerable<TestCaseData> Cases =>
        from path in WritePaths.All
        from async in WritePaths.SyncAndAsync
        select new TestCaseData(path, async).SetArgDisplayNames(path.Name, async ? "async" : "sync");

    [TestCaseSource(nameof(Cases))]
    public async Task A_write_in_the_view_throws_and_is_not_there(WritePath path, bool async)
    {
        var key = Guid.NewGuid();
        await Database.Execute(string.Format(CultureInfo.InvariantCulture, path.Seed, key));
        Exception? thrown = null;
        (await _app.Post(context =>
        {
            context.Session().Scalar("select 1");
            return Task.FromResult<IResult>(new View(async _ =>
            {
                try
                {
                    await path.Write(context.RequestServices, key, async);
                    if (OnlyInMemory.Contains(path.Name))
                    {
                        context.Session().Flush();
                    }
                }
                catch (Exception e)
                {
                    thrown = e;
                }
            }));
        })).Ok();
        if (path.IsUnguarded())
        {
            Assert.That(thrown, Is.InstanceOf<Npgsql.PostgresException>().With.Property("SqlState").EqualTo("25006"));
        }
        else
        {
            Assert.That(thrown, Is.InstanceOf<WriteAfterCompletionException>());
            Assert.That(thrown!.Message, Does.Contain(string.Format(CultureInfo.InvariantCulture, path.Attempt, key)).And.Contain("POST").And.Contain("nobody would commit it"));
        }

        Assert.That(await Database.Ask<bool>(string.Format(CultureInfo.InvariantCulture, path.Done, key)), Is.False);
    }

    [Test]
    public async Task Entities_that_were_changed_in_the_view_are_logged([ValueSource(nameof(OnlyInMemory))] string name)
    {
        var path = Array.Find(WritePaths.All, p => p.Name == name)!;
        var key = Guid.NewGuid();
        await Database.Execute(string.Format(CultureInfo.InvariantCulture, path.Seed, key));
        await using var app = await SessionApp.StartAsync();
        (await app.Post(context =>
        {
            context.Session().Scalar("select 1");
            return Task.FromResult<IResult>(new View(_ => path.Write(context.RequestServices, key, false)));
        })).Ok();
        await app.DisposeAsync();
        Assert.That(app.Log.Messages(6), Is.EqualTo([app.Log.Messages(6).First()]).And.Some.Contains("POST"));
        Assert.That(await Database.Ask<bool>(string.Format(CultureInfo.InvariantCulture, path.Done, key)), Is.False);
    }

    [Test]
    public async Task A_view_that_only_reads_is_not_logged()
    {
        await using var app = await SessionApp.StartAsync();
        (await app.Post(context =>
        {
            context.Session().Save(new Note { Name = "before" });
            return Task.FromResult<IResult>(new View(_ =>
            {
                context.Session().CreateQuery("from Note").SetMaxResults(1).List();
                context.Session().Flush();
                return Task.CompletedTask;
            }));
        })).Ok();
        await app.DisposeAsync();
        Assert.That(app.Log.Messages(6), Is.Empty);
    }

    [Test]
    public async Task A_session_that_is_first_asked_for_in_the_view_reads_and_refuses_to_write()
    {
        Exception? thrown = null;
        var answer = await _app.Post(context => Task.FromResult<IResult>(new View(async response =>
        {
            await response.WriteAsync(context.Session().Scalar("select pg_is_in_recovery()"));
            thrown = Assert.Catch(() => context.Session().Save(new Note()));
        })));
        Assert.That((answer.Ok().Body, thrown?.GetType()), Is.EqualTo(("<html>False", typeof(WriteAfterCompletionException))));
    }

    [Test]
    public async Task A_transaction_of_the_views_own_may_read_and_not_write()
    {
        Exception? thrown = null;
        var answer = await _app.Post(context =>
        {
            context.Session().Scalar("select 1");
            return Task.FromResult<IResult>(new View(async response =>
            {
                using (var own = context.Session().BeginTransaction())
                {
                    await response.WriteAsync(context.Session().Scalar("select 'read'"));
                    own.Commit();
                }

                using var writing = context.Session().BeginTransaction();
                thrown = Assert.Catch(() => context.Session().CreateSQLQuery("delete from note where 1 = 0").ExecuteUpdate());
            }));
        });
        Assert.That((answer.Ok().Body, thrown?.GetType()), Is.EqualTo(("<html>read", typeof(WriteAfterCompletionException))));
    }
}
