using NHibernate;
using NHibernate.Cfg;
using NHibernate.Context;
using NHibernate.Engine;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What the library assumes of NHibernate's session contexts.</summary>
internal sealed class BehaviourContextTests
{
    [Test]
    public void What_a_context_throws_in_its_constructor_is_swallowed()
    {
        // Why ReplicatedSessionFactories looks at the context after the factory is built.
        using var factory = BehaviourFactory.OnMaster(c => c.SetProperty(Environment.CurrentSessionContextClass, typeof(Throwing).AssemblyQualifiedName));
        Assert.That(((ISessionFactoryImplementor)factory).CurrentSessionContext, Is.Null);
        Assert.That(() => factory.GetCurrentSession(), Throws.InstanceOf<HibernateException>().With.Message.Contains("No CurrentSessionContext configured"));
    }

    [Test]
    public void Binding_needs_a_context_that_derives_from_CurrentSessionContext()
    {
        // Why ReplicatedSessionContext derives from it: applications call Bind.
        using var factory = BehaviourFactory.OnMaster(c => c.SetProperty(Environment.CurrentSessionContextClass, typeof(Plain).AssemblyQualifiedName));
        using var session = factory.OpenSession();
        Assert.That(() => CurrentSessionContext.Bind(session), Throws.InstanceOf<HibernateException>());
    }

    [Test]
    public void A_context_may_take_the_factory_in_its_constructor()
    {
        // Why ours learns its factory there, and needs no container on that path.
        using var factory = BehaviourFactory.OnMaster(c => c.SetProperty(Environment.CurrentSessionContextClass, typeof(Plain).AssemblyQualifiedName));
        Assert.That(((Plain)((ISessionFactoryImplementor)factory).CurrentSessionContext).Factory, Is.SameAs(factory));
    }

    [Test]
    public void A_closed_session_stays_current()
    {
        // Why a scope looks itself whether its session is usable.
        using var factory = BehaviourFactory.OnMaster(c => c.SetProperty(Environment.CurrentSessionContextClass, "thread_static"));
        using var session = factory.OpenSession();
        CurrentSessionContext.Bind(session);
        session.Close();
        Assert.That(factory.GetCurrentSession(), Is.SameAs(session));
        CurrentSessionContext.Unbind(factory);
    }

    [Test]
    public void The_schema_of_hibernate_cfg_xml_knows_no_property_of_ours()
    {
        // Why the class of the connection provider tells the role.
        const string Xml = "<hibernate-configuration xmlns=\"urn:nhibernate-configuration-2.2\"><session-factory><property name=\"replicated.role\">slave</property></session-factory></hibernate-configuration>";
        using var reader = System.Xml.XmlReader.Create(new StringReader(Xml));
        Assert.That(() => new Configuration().Configure(reader), Throws.InstanceOf<HibernateConfigException>());
    }

    internal sealed class Throwing : CurrentSessionContext
    {
        public Throwing(ISessionFactoryImplementor factory) => throw new InvalidOperationException(factory.ToString());

        protected override ISession? Session { get; set; }
    }

    internal sealed class Plain(ISessionFactoryImplementor factory) : ICurrentSessionContext
    {
        public ISessionFactoryImplementor Factory { get; } = factory;

        public ISession CurrentSession() => throw new NotSupportedException("Only what is bound.");
    }
}
