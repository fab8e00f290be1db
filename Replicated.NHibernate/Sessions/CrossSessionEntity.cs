using NHibernate;
using NHibernate.Engine;
using NHibernate.Event;
using NHibernate.Proxy;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Sessions;

/// <summary>
/// An entity that the scope's slave session holds, given to the master's. NHibernate refuses it ("two open sessions") where it has a collection or is
/// a proxy, without saying which; where it has neither, it writes what the slave had, be it ever so old.
/// </summary>
internal static class CrossSessionEntity
{
    public static void Refuse(IEventSource session, string? entityName, object? entity, string what)
    {
        if (entity is not null
            && SessionTarget.Of(session) is RoleConnection { Role: DatabaseRole.Master } role
            && role.Scope.Find<StatefulUnit>(DatabaseRole.Slave) is { IsUsable: true } slave
            && Holds(slave.Session.GetSessionImplementation(), entity))
        {
            throw new HibernateException(
                $"{char.ToUpperInvariant(what[0])}{what[1..]} {EntityNames.Of(session, entityName, entity)} was refused in {role.Scope.Work}: the entity was loaded by the slave session and belongs to it. "
                + "Use Merge on the master's session and go on with the copy that it returns, or load the entity there.");
        }
    }

    private static bool Holds(ISessionImplementor slave, object entity) => entity is INHibernateProxy { HibernateLazyInitializer: { } lazy }
        ? ReferenceEquals(lazy.Session, slave)
        : slave.PersistenceContext.GetEntry(entity) is not null;
}
