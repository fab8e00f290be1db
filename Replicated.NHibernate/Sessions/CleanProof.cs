using System.Collections.Concurrent;
using NHibernate;
using NHibernate.Engine;
using NHibernate.Event;
using NHibernate.Event.Default;
using NHibernate.Persister.Entity;
using NHibernate.Type;
using NHibernate.Util;

namespace Replicated.NHibernate.Sessions;

/// <summary>
/// Proves that a flush of a session would find nothing to write and nothing to refuse, for less than the flush costs. What it does not know for certain it does
/// not prove, and the flush decides. Thread-safe.
/// </summary>
internal sealed class CleanProof
{
    // By the persister, of which a factory has one for each class.
    private readonly ConcurrentDictionary<IEntityPersister, bool> _isPlain = new();

    /// <summary>Whether a flush would do nothing.</summary>
    public bool IsClean(IEventSource session)
    {
        if (((ISessionImplementor)session).FlushMode == FlushMode.Manual)
        {
            return true;
        }

        var context = session.PersistenceContext;
        if (context.CollectionEntries.Count > 0 || context.CascadeLevel > 0 || HasQueued(session.ActionQueue) || !FlushesAsNHibernateDoes(session))
        {
            return false;
        }

        // A copy, as in NHibernate's own flush: a type that compares may load something.
        var (entries, count) = (((IdentityMap)context.EntityEntries).EntryList, context.EntityEntries.Count);
        foreach (System.Collections.DictionaryEntry entry in entries)
        {
            if (entry.Key is not { } entity || entry.Value is not EntityEntry known || !IsClean(session, entity, known))
            {
                return false;
            }
        }

        return context.EntityEntries.Count == count && context.CollectionEntries.Count == 0;
    }

    private bool IsClean(IEventSource session, object entity, EntityEntry entry)
    {
        if (entry.Status is not (Status.Loaded or Status.ReadOnly) || entry.Persister is not { } persister || !_isPlain.GetOrAdd(persister, static p => IsPlain(p)))
        {
            return false;
        }

        if (persister.CanExtractIdOutOfEntity && (entry.Id is null || !persister.IdentifierType.IsEqual(entry.Id, persister.GetIdentifier(entity))))
        {
            return false;
        }

        return entry.Status == Status.ReadOnly
            || (entry.LoadedState is { } loaded && persister.FindDirty(persister.GetPropertyValues(entity), loaded, entity, session) is null);
    }

    // What the application put in its place may do anything, and an interceptor and the statistics hear of every flush.
    private static bool FlushesAsNHibernateDoes(IEventSource session) =>
        session.Interceptor.GetType() == typeof(EmptyInterceptor)
        && !session.Factory.Statistics.IsStatisticsEnabled
        && session.Listeners.FlushEventListeners is [{ } flush] && flush.GetType() == typeof(DefaultFlushEventListener)
        && session.Listeners.FlushEntityEventListeners is [{ } entity] && entity.GetType() == typeof(DefaultFlushEntityEventListener);

    private static bool HasQueued(ActionQueue queue) =>
        queue.InsertionsCount + queue.UpdatesCount + queue.DeletionsCount
        + queue.CollectionCreationsCount + queue.CollectionUpdatesCount + queue.CollectionRemovalsCount > 0;

    private static bool IsPlain(IEntityPersister persister) =>
        persister is SingleTableEntityPersister or JoinedSubclassEntityPersister or UnionSubclassEntityPersister
        && !persister.HasCollections && !persister.HasCascades && !persister.HasNaturalIdentifier && Array.TrueForAll(persister.PropertyTypes, IsPlain);

    // Only of these is it known that comparing them reads nothing from the database.
    private static bool IsPlain(IType type) => type switch
    {
        IAbstractComponentType component => Array.TrueForAll(component.Subtypes, IsPlain),
        ManyToOneType reference => reference.IsReferenceToPrimaryKey,
        { IsAssociationType: true } or { IsCollectionType: true } or { IsAnyType: true } => false,
        _ => true,
    };
}
