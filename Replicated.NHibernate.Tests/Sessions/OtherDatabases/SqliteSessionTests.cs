using Microsoft.AspNetCore.Http;
using NHibernate.Linq;
using Replicated.NHibernate.Tests.Databases.Sqlite;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions.OtherDatabases;

/// <summary>SQLite in an application: one file behaves as plain NHibernate with a transaction for each request, a second one is a slave.</summary>
[Promise(5)]
internal sealed class SqliteSessionTests
{
    private SqliteShop _shop = null!;

    [SetUp]
    public void Create() => _shop = new SqliteShop();

    [TearDown]
    public async Task Remove() => await _shop.DisposeAsync();

    [Test]
    public async Task Post_is_committed_as_a_whole_and_the_next_get_sees_it()
    {
        await using var app = await App();
        var name = Guid.NewGuid().ToString();
        (await app.Post(session =>
        {
            session.Save(new Counter { Name = name });
            return session.Save(new Note { Name = name });
        })).Ok();
        var seen = (await app.Get(session => session.Query<Note>().Count(n => n.Name == name) + session.Query<Counter>().Count(n => n.Name == name))).Ok();
        Assert.That((seen.Body, _shop.File.Ask<int>("select count(*) from note")), Is.EqualTo(("2", 1)));
    }

    [Test]
    public async Task Post_that_throws_leaves_nothing()
    {
        await using var app = await App();
        var answer = await app.Post(session =>
        {
            session.Save(new Counter { Name = "gone" });
            session.Flush();
            throw new InvalidOperationException("on purpose");
        });
        Assert.That((answer.Thrown?.Message, _shop.File.Ask<int>("select count(*) from counter")), Is.EqualTo(("on purpose", 0)));
    }

    [Test]
    public async Task Gets_read_beside_the_writer_and_beside_each_other()
    {
        await using var app = await App();
        using var writer = _shop.File.Open();
        using var writing = writer.BeginTransaction();
        Answer? inner = null;
        var outer = await app.Get(async context =>
        {
            var before = await context.Session().Query<Note>().CountAsync();
            inner = await app.Get(session => session.Query<Note>().Count());
            return SessionApp.Done(before);
        });
        Assert.That((outer.Ok().Body, inner!.Ok().Body), Is.EqualTo(("0", "0")));
    }

    [Test]
    public async Task Get_without_a_slave_may_write_as_with_plain_nhibernate()
    {
        await using var app = await App();
        (await app.Get(session => session.Save(new Note { Name = "written" }))).Ok();
        Assert.That(_shop.File.Ask<int>("select count(*) from note"), Is.EqualTo(1));
    }

    [Test]
    public async Task Hilo_is_refused_with_the_remedy_and_writes_nothing()
    {
        await using var app = await App();
        foreach (var save in new Func<HttpContext, Task<object>>[]
        {
            context => Task.FromResult(context.Session().Save(new Coupon { Name = "none" })),
            context => context.Session().SaveAsync(new Coupon { Name = "none" }),
            context => context.Session().SaveAsync(new Voucher { Name = "none" }),
        })
        {
            var answer = await app.Post(async context => SessionApp.Done(await save(context)));
            Assert.That(answer.Thrown, Is.TypeOf<NotSupportedException>().With.Message.Contains("Use identity"));
        }

        Assert.That((_shop.File.Ask<int>("select count(*) from coupon"), _shop.File.Ask<int>("select next_hi from hilo")), Is.EqualTo((0, 1)));
    }

    [Test]
    public async Task Second_file_is_a_slave_that_only_reads()
    {
        _shop.File.Execute("insert into note values ('9d2b4a0e-0000-0000-0000-000000000001', 'old')");
        using var copy = _shop.File.Copy();
        await using var app = await App(copy);
        (await app.Post(session => session.Save(new Note { Name = "new" }))).Ok();
        var read = (await app.Get(session => string.Join(',', session.Query<Note>().Select(n => n.Name)))).Ok();
        var write = await app.Get(session => session.Save(new Note { Name = "refused" }));
        Assert.That(read.Body, Is.EqualTo("old"));
        Assert.That(write.Thrown, Is.TypeOf<SlaveWriteException>());
        Assert.That(_shop.File.Ask<string>("select group_concat(name, ',') from (select name from note order by name)"), Is.EqualTo("new,old"));
    }

    [Test]
    public async Task Snapshot_of_a_slave_takes_no_lock_of_the_writer()
    {
        using var copy = _shop.File.Copy();
        await using var app = await App(copy);
        using var writer = copy.Open();
        using var writing = writer.BeginTransaction();
        var read = await app.Send(HttpMethod.Get, "/snapshot", async context => SessionApp.Done(await context.Session().Query<Note>().CountAsync()));
        Assert.That(read.Ok().Body, Is.EqualTo("0"));
    }

    [Test]
    public async Task Writer_that_waits_too_long_gets_an_error_of_the_database_and_nothing_is_saved()
    {
        await using var app = await App(timeout: 1);
        using var writer = _shop.File.Open();
        using var writing = writer.BeginTransaction();
        var answer = await app.Post(session => session.Save(new Note { Name = "late" }));
        writing.Rollback();
        Assert.That(answer.Thrown, Is.Not.Null);
        Assert.That((answer.Thrown!.ToString().Contains("database is locked", StringComparison.Ordinal), _shop.File.Ask<int>("select count(*) from note")), Is.EqualTo((true, 0)));
    }

    private Task<SessionApp> App(SqliteFile? slave = null, int? timeout = null) => SessionApp.StartAsync(
        new()
        {
            ["ConnectionStrings:Master"] = timeout is { } seconds ? $"{_shop.ConnectionString};Default Timeout={seconds}" : _shop.ConnectionString,
            ["ConnectionStrings:Slave"] = slave?.ConnectionString,
        },
        _shop.Configure,
        slaves: 0);
}
