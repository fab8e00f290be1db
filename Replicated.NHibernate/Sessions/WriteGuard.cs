using System.Collections;
using NHibernate.Event;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Sessions;

/// <summary>
/// Refuses what the application asks a session to write, at the call: Save, Update, Persist, Merge, Delete, Replicate. Throws, never vetoes: a
/// veto drops the row in silence. Entities that the session holds already pass, because cascades and legacy code name them without
/// changing anything; if they are changed, the flush meets <see cref="FlushGuard"/>.
/// </summary>
internal sealed class WriteGuard :
    ISaveOrUpdateEventListener, IPersistEventListener, IMergeEventListener, IDeleteEventListener, IReplicateEventListener, ILockEventListener
{
    public void OnSaveOrUpdate(SaveOrUpdateEvent @event)
    {
        CrossSessionEntity.Refuse(@event.Session, @event.EntityName, @event.Entity, "saving or updating");
        RefuseNew(@event.Session, @event.EntityName, @event.Entity, "saving or updating");
    }

    public void OnPersist(PersistEvent @event)
    {
        CrossSessionEntity.Refuse(@event.Session, @event.EntityName, @event.Entity, "persisting");
        RefuseNew(@event.Session, @event.EntityName, @event.Entity, "persisting");
    }

    public void OnPersist(PersistEvent @event, IDictionary createdAlready) => OnPersist(@event);

    public void OnMerge(MergeEvent @event) => RefuseNew(@event.Session, @event.EntityName, @event.Entity ?? @event.Original, "merging");

    public void OnMerge(MergeEvent @event, IDictionary copiedAlready) => OnMerge(@event);

    public void OnDelete(DeleteEvent @event)
    {
        CrossSessionEntity.Refuse(@event.Session, @event.EntityName, @event.Entity, "deleting");
        Refuse(@event.Session, @event.EntityName, @event.Entity, "deleting");
    }

    public void OnDelete(DeleteEvent @event, ISet<object> transientEntities) => OnDelete(@event);

    public void OnReplicate(ReplicateEvent @event) => Refuse(@event.Session, @event.EntityName, @event.Entity, "replicating");

    public void OnLock(LockEvent @event) => CrossSessionEntity.Refuse(@event.Session, @event.EntityName, @event.Entity, "locking");

    public Task OnLockAsync(LockEvent @event, CancellationToken cancellationToken) => Done(() => OnLock(@event));

    public Task OnSaveOrUpdateAsync(SaveOrUpdateEvent @event, CancellationToken cancellationToken) => Done(() => OnSaveOrUpdate(@event));

    public Task OnPersistAsync(PersistEvent @event, CancellationToken cancellationToken) => Done(() => OnPersist(@event));

    public Task OnPersistAsync(PersistEvent @event, IDictionary createdAlready, CancellationToken cancellationToken) => Done(() => OnPersist(@event));

    public Task OnMergeAsync(MergeEvent @event, CancellationToken cancellationToken) => Done(() => OnMerge(@event));

    public Task OnMergeAsync(MergeEvent @event, IDictionary copiedAlready, CancellationToken cancellationToken) => Done(() => OnMerge(@event));

    public Task OnDeleteAsync(DeleteEvent @event, CancellationToken cancellationToken) => Done(() => OnDelete(@event));

    public Task OnDeleteAsync(DeleteEvent @event, ISet<object> transientEntities, CancellationToken cancellationToken) => Done(() => OnDelete(@event));

    public Task OnReplicateAsync(ReplicateEvent @event, CancellationToken cancellationToken) => Done(() => OnReplicate(@event));

    private static void RefuseNew(IEventSource session, string? entityName, object? entity, string what)
    {
        if (SessionTarget.RefusalOf(session) is not null && (entity is null || !session.Contains(entity)))
        {
            Refuse(session, entityName, entity, what);
        }
    }

    private static void Refuse(IEventSource session, string? entityName, object? entity, string what)
    {
        if (SessionTarget.RefusalOf(session) is not null)
        {
            SessionTarget.Refuse(session, $"{what} {EntityNames.Of(session, entityName, entity)}", WriteLayer.Call);
        }
    }

    private static Task Done(Action action)
    {
        try
        {
            action();
            return Task.CompletedTask;
        }
        catch (global::NHibernate.HibernateException e)
        {
            return Task.FromException(e);
        }
    }
}
