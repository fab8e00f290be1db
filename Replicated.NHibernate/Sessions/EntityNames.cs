using NHibernate;
using NHibernate.Event;
using NHibernate.Proxy;

namespace Replicated.NHibernate.Sessions;

/// <summary>What an entity is called in a message: its name and, where it has one already, its id.</summary>
internal static class EntityNames
{
    public static string Of(IEventSource session, string? entityName, object? entity)
    {
        switch (entity)
        {
            case null:
                return entityName ?? "an entity";
            case INHibernateProxy { HibernateLazyInitializer: { } lazy }:
                return $"{lazy.EntityName}#{lazy.Identifier}";
        }

        if (session.PersistenceContext.GetEntry(entity) is { Id: not null } entry)
        {
            return $"{entry.EntityName}#{entry.Id}";
        }

        try
        {
            var persister = session.GetEntityPersister(entityName, entity);
            return persister.HasIdentifierProperty && persister.GetIdentifier(entity) is { } id && !IsDefault(id)
                ? $"{persister.EntityName}#{id}"
                : persister.EntityName;
        }
        catch (MappingException)
        {
            return entity.GetType().FullName ?? entity.GetType().Name;
        }
    }

    // Not generated yet.
    private static bool IsDefault(object id) => id is ValueType && id.Equals(Activator.CreateInstance(id.GetType()));
}
