using NHibernate.Engine;
using NHibernate.Event;
using NHibernate.Persister.Entity;
using NHibernate.Type;
using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Sessions;

/// <summary>
/// What NHibernate takes for changed, by name and never by value. Often nobody has changed it: a NULL that was read into a property which cannot hold one, or a user type whose
/// Equals does not compare values.
/// </summary>
internal static class ChangedProperties
{
    /// <summary>Of an entity that is about to be updated: " (Amount, Name)"; empty where nobody knows what it was before.</summary>
    public static string Of(IEntityPersister persister, object[] state, object[]? loaded, object entity, ISessionImplementor session)
    {
        if (loaded is null || persister.FindDirty(state, loaded, entity, session) is not { Length: > 0 } changed)
        {
            return "";
        }

        // The version goes along with whatever has changed.
        var named = changed.Length == 1 || !persister.IsVersioned ? changed : Array.FindAll(changed, i => i != persister.VersionProperty);
        return $" ({string.Join(", ", named.Select(i => persister.PropertyNames[i] + Cause(persister.PropertyTypes[i], loaded[i])))})";
    }

    /// <summary>All that a session holds.</summary>
    public static IEnumerable<string> In(IEventSource session)
    {
        var context = session.PersistenceContext;
        foreach (System.Collections.DictionaryEntry held in ((global::NHibernate.Util.IdentityMap)context.EntityEntries).EntryList)
        {
            if (held is { Key: { } entity, Value: EntityEntry { Status: Status.Loaded, Persister: { IsMutable: true } persister, LoadedState: { } loaded } entry }
                && Of(persister, persister.GetPropertyValues(entity), loaded, entity, session) is { Length: > 0 } names)
            {
                yield return $"{entry.EntityName}#{entry.Id}{names}";
            }
        }

        foreach (System.Collections.DictionaryEntry held in ((global::NHibernate.Util.IdentityMap)context.CollectionEntries).EntryList)
        {
            if (held is { Key: global::NHibernate.Collection.IPersistentCollection { IsDirty: true } collection, Value: CollectionEntry { LoadedPersister: { } role } known })
            {
                yield return $"{role.OwnerEntityPersister.EntityName}#{known.LoadedKey} ({role.Role[(role.Role.LastIndexOf('.') + 1)..]})";
            }
        }
    }

    private static string Cause(IType type, object? loaded) =>
        loaded is null && type.ReturnedClass is { IsValueType: true } held && Nullable.GetUnderlyingType(held) is null ? ": NULL in the database, which the property cannot hold"
        : type is CustomType or CompositeCustomType ? $": of the user type {Redactor.Of(type.Name)}"
        : "";
}
