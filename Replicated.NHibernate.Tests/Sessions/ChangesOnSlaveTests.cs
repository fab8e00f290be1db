using System.Data.Common;
using FluentNHibernate.Cfg;
using FluentNHibernate.Cfg.Db;
using FluentNHibernate.Mapping;
using Microsoft.Extensions.DependencyInjection;
using NHibernate.Engine;
using NHibernate.SqlTypes;
using NHibernate.UserTypes;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>A user type of which each value that is read is another, because it has no Equals.</summary>
public sealed class Tags(string text)
{
    public string Text { get; } = text;
}

public sealed class TagsType : IUserType
{
    public SqlType[] SqlTypes => [SqlTypeFactory.GetString(100)];

    public Type ReturnedType => typeof(Tags);

    public bool IsMutable => true;

    bool IUserType.Equals(object x, object y) => ReferenceEquals(x, y);

    public int GetHashCode(object x) => x.GetHashCode();

    public object? NullSafeGet(DbDataReader rs, string[] names, ISessionImplementor session, object owner) => rs[names[0]] is string text ? new Tags(text) : null;

    public void NullSafeSet(DbCommand cmd, object value, int index, ISessionImplementor session) => cmd.Parameters[index].Value = (value as Tags)?.Text ?? (object)DBNull.Value;

    public object? DeepCopy(object value) => value is Tags tags ? new Tags(tags.Text) : null;

    public object Replace(object original, object target, object owner) => original;

    public object Assemble(object cached, object owner) => cached;

    public object Disassemble(object value) => value;
}

public class Gadget
{
    public virtual int Id { get; set; }

    public virtual int Version { get; set; }

    public virtual int Amount { get; set; }

    public virtual Tags? Tags { get; set; }

    public virtual string Name { get; set; } = "";
}

internal sealed class GadgetMap : ClassMap<Gadget>
{
    public GadgetMap()
    {
        Table("gadget");
        Id(x => x.Id).GeneratedBy.Assigned();
        Version(x => x.Version);
        Map(x => x.Amount);
        Map(x => x.Tags).CustomType<TagsType>();
        Map(x => x.Name);
    }
}

/// <summary>Entities that NHibernate takes for changed although nobody changed them: named, and not fatal where the application says so.</summary>
[Promise(12)]
internal sealed class ChangesOnSlaveTests
{
    private const int Warning = 18;
    private const int Audit = 4;

    [OneTimeSetUp]
    public static async Task Create()
    {
        await Database.Execute(
            """
            create table gadget (id int primary key, version int not null default 1, amount int, tags text, name text not null);
            insert into gadget values (1, 1, null, null, 'null'), (2, 1, 5, 'a,b', 'tags'), (3, 1, 5, null, 'clean'), (4, 1, null, 'c', 'both');
            """);
        await Database.Cluster.WaitForSlavesAsync();
    }

    private static Task<SessionApp> Start(string? mode = null, bool onSlave = true) => SessionApp.StartAsync(
        new() { ["Replicated:ChangesOnSlave"] = mode, ["Replicated:AutoReadOnSlave"] = onSlave.ToString() },
        configure: () => Fluently.Configure()
            .Database(PostgreSQLConfiguration.PostgreSQL82.Dialect<global::NHibernate.Dialect.PostgreSQL83Dialect>())
            .Mappings(m => m.FluentMappings.Add<GadgetMap>())
            .BuildConfiguration());

    [TestCase(1, "Gadget#1 (Amount: NULL in the database, which the property cannot hold)")]
    [TestCase(2, "Gadget#2 (Tags: of the user type")]
    [TestCase(4, "Gadget#4 (Amount: NULL in the database, which the property cannot hold, Tags: of the user type")]
    public async Task Message_names_entity_id_and_properties_and_the_remedy(int id, string expected)
    {
        await using var app = await Start();
        var answer = await app.Get(session => session.Get<Gadget>(id).Name);
        Assert.That(answer.Thrown, Is.InstanceOf<SlaveWriteException>().With.Message.Contains(expected).And.Message.Contains("Replicated:ChangesOnSlave"));
        Assert.That(answer.Thrown!.Message, Does.Not.Contain("a,b"), "values are a client's data");
    }

    [TestCase("Warn"), TestCase("Ignore")]
    public async Task Reading_goes_on_and_nothing_is_written_where_the_application_says_so(string mode)
    {
        await using var app = await Start(mode);
        var answer = await app.Get(session =>
        {
            var gadgets = session.CreateQuery("from Gadget where Id < 5 order by Id").List<Gadget>();
            // A query that would flush in a transaction.
            using (var transaction = session.BeginTransaction())
            {
                session.CreateQuery("select count(*) from Gadget").UniqueResult();
                transaction.Commit();
            }

            return string.Join(',', gadgets.Select(g => $"{g.Name} {g.Version}"));
        });
        Assert.That(answer.Ok().Body, Is.EqualTo("null 1,tags 1,clean 1,both 1"));
        var warnings = app.Log.Messages(Warning).ToArray();
        if (mode == "Ignore")
        {
            Assert.That(warnings, Is.Empty);
            return;
        }

        Assert.That(warnings, Has.Length.EqualTo(2), "at the commit of the application's transaction and at the commit point");
        Assert.That(warnings[0], Does.Contain("Gadget#1 (Amount").And.Contain("Gadget#2 (Tags").And.Contain("Gadget#4 (Amount").And.Contain("/run").And.Not.Contain("Gadget#3"));
    }

    [TestCase("Warn"), TestCase("Ignore")]
    public async Task What_is_asked_for_explicitly_is_refused_all_the_same(string mode)
    {
        await using var app = await Start(mode);
        var answers = new[]
        {
            await app.Get(session => session.Save(new Gadget { Id = 9 })),
            await app.Get(session =>
            {
                session.Delete(session.Get<Gadget>(3));
                return null;
            }),
            await app.Get(session => session.CreateQuery("update Gadget set Name = 'x'").ExecuteUpdate()),
            await app.Get(session =>
            {
                session.Get<Gadget>(3).Name = "y";
                session.Flush();
                return null;
            }),
        };
        Assert.That(answers.Select(a => a.Thrown?.GetType()), Is.All.EqualTo(typeof(SlaveWriteException)));
        Assert.That(await Database.Ask<long>("select count(*) from gadget where name in ('null', 'tags', 'clean', 'both')"), Is.EqualTo(4));
    }

    [Test]
    public async Task Clean_entities_are_not_warned_of()
    {
        await using var app = await Start("Warn");
        (await app.Get(session => session.Get<Gadget>(3).Name)).Ok();
        Assert.That(app.Log.Messages(Warning), Is.Empty);
    }

    [Test]
    public async Task Changes_that_are_meant_are_named_and_not_written_where_warnings_take_the_exceptions_place()
    {
        await using var app = await Start("Warn");
        (await app.Get(session => session.Get<Gadget>(3).Name = "changed")).Ok();
        Assert.That(app.Log.Messages(Warning).Single(), Does.Contain("Gadget#3 (Name)").And.Contain("[UseMaster]"));
        Assert.That(await Database.Ask<string>("select name from gadget where id = 3"), Is.EqualTo("clean"));
    }

    [Test, Promise(4)]
    public async Task Audit_with_the_switch_off_names_them()
    {
        await using var app = await Start(onSlave: false);
        await Database.Execute("insert into gadget values (5, 1, null, null, 'audited')");
        (await app.Get(session => session.Get<Gadget>(5).Name)).Ok();
        Assert.That(app.Log.Messages(Audit).Single(), Does.Contain("the update of").And.Contain("Gadget#5 (Amount: NULL in the database").And.Contain("Replicated:ChangesOnSlave"));
        (await app.Get(session => session.CreateSQLQuery("update gadget set name = 'audited' where id = 5").ExecuteUpdate())).Ok();
        Assert.That(app.Log.Messages(Audit).Last(), Does.Contain("by a statement"));
    }
}
