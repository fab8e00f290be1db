using NHibernate;
using NHibernate.Cfg;
using NHibernate.Event;
using NHibernate.Event.Default;
using Replicated.NHibernate.Sessions;
using Replicated.NHibernate.Tests.Evidence;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What is proved to be clean is clean by NHibernate's own word, and what is not plain is left to the flush.</summary>
[Promise(12), Promise(17)]
internal sealed class CleanProofTests
{
    private static readonly Guid Key = Guid.NewGuid();

    private ISessionFactory _factory = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _factory = BehaviourFactory.OnMaster(Change);
        await Database.Execute(
            $"""
            insert into invoice (id, name) values ('{Key}', 'a b');
            insert into invoice_line values ('{Key}', '{Key}', 'a line');
            insert into "user" values ('{Key}', 'a user', 1);
            insert into setting values ('{Key}', 'a setting');
            """);
    }

    [OneTimeTearDown]
    public void Stop() => _factory.Dispose();

    private static readonly (string Name, bool IsProved, Action<ISession> Work)[] Cases =
    [
        ("Unchanged_entities", true, s => _ = (s.Get<Bed>(Key), s.Get<Seat>(Key), s.Get<Leaf>(Key), s.Get<Setting>(Key))),
        ("An_uninitialized_proxy", true, s => s.Load<Leaf>(Key)),
        ("A_property_set_to_the_value_it_has", true, s => s.Get<Setting>(Key).Name = "a setting"),
        ("A_read_only_entity_changed", true, s =>
        {
            s.SetReadOnly(s.Get<Setting>(Key), true);
            s.Get<Setting>(Key).Name = "touched";
        }),
        ("A_changed_entity_with_flush_mode_manual", true, s =>
        {
            s.FlushMode = FlushMode.Manual;
            s.Get<Setting>(Key).Name = "touched";
        }),
        ("A_changed_property", false, s => s.Get<Setting>(Key).Name = "touched"),
        ("A_changed_property_of_a_component", false, s => s.Get<Seat>(Key).Tag.Order = 2),
        ("Another_component", false, s => s.Get<Seat>(Key).Tag = new Tag { Name = "other" }),
        ("A_component_that_is_gone", false, s => s.Get<Seat>(Key).Tag = null!),
        ("A_changed_version", false, s => s.Get<Bed>(Key).Version = 7),
        ("A_value_of_a_user_type_changed_inside", false, s => s.Get<Bed>(Key).Words.Add("c")),
        ("A_reference_that_is_gone", false, s => s.Get<Leaf>(Key).Bed = null),
        ("A_changed_collection", false, s => s.Get<Invoice>(Key).Lines.Clear()),
        ("A_class_with_collections", false, s => s.Get<Invoice>(Key)),
        ("A_saved_entity", false, s => s.Save(new Setting { Id = Guid.NewGuid() })),
        ("A_deleted_entity", false, s => s.Delete(s.Get<Setting>(Key))),
        ("An_altered_identifier", false, s => s.Get<Setting>(Key).Id = Guid.NewGuid()),
        ("One_changed_entity_among_many", false, s =>
        {
            _ = (s.Get<Bed>(Key), s.Get<Seat>(Key), s.Get<Leaf>(Key));
            s.Get<Setting>(Key).Name = "touched";
        }),
    ];

    [TestCaseSource(nameof(Named))]
    public void A_session_with(int which)
    {
        var (_, isProved, work) = Cases[which];
        using var session = _factory.OpenSession();
        work(session);
        Assert.That(IsClean(session), Is.EqualTo(isProved));
        if (isProved && session.FlushMode != FlushMode.Manual)
        {
            Assert.That(session.IsDirty(), Is.False, "by NHibernate's own word");
        }
    }

    [Test]
    public void Nothing_is_proved_where_the_application_hears_of_a_flush([Values("interceptor", "flush listener", "entity listener", "second listener", "statistics")] string what)
    {
        using var factory = BehaviourFactory.OnMaster(c =>
        {
            Change(c);
            switch (what)
            {
                case "interceptor":
                    c.SetInterceptor(new Intercepting());
                    break;
                case "flush listener":
                    c.EventListeners.FlushEventListeners = [new Flushing()];
                    break;
                case "entity listener":
                    c.EventListeners.FlushEntityEventListeners = [new FlushingEntities()];
                    break;
                case "second listener":
                    c.EventListeners.FlushEventListeners = [new DefaultFlushEventListener(), new DefaultFlushEventListener()];
                    break;
                default:
                    c.SetProperty(Environment.GenerateStatistics, "true");
                    break;
            }
        });
        using var session = factory.OpenSession();
        session.Get<Setting>(Key);
        Assert.That(IsClean(session), Is.False);
    }

    private static IEnumerable<TestCaseData> Named() => Cases.Select((c, i) => new TestCaseData(i).SetArgDisplayNames(c.Name));

    private static bool IsClean(ISession session) => new CleanProof().IsClean((IEventSource)session);

    private static void Change(Configuration configuration) => configuration.AddXml(Furniture.Mapping).SetProperty(Environment.GenerateStatistics, "false");

    private sealed class Intercepting : EmptyInterceptor;

    private sealed class Flushing : DefaultFlushEventListener;

    private sealed class FlushingEntities : DefaultFlushEntityEventListener;
}
