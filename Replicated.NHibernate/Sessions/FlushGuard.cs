using NHibernate.Engine;
using NHibernate.Event;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Sessions;

/// <summary>Refuses, during a flush, each row that would be written: changed properties and collections among them.</summary>
internal sealed class FlushGuard :
    IPreInsertEventListener, IPreUpdateEventListener, IPreDeleteEventListener,
    IPreCollectionRecreateEventListener, IPreCollectionRemoveEventListener, IPreCollectionUpdateEventListener
{
    public bool OnPreInsert(PreInsertEvent @event) => Entity(@event, "the insert of");

    public bool OnPreUpdate(PreUpdateEvent @event) => Entity(@event, "the update of");

    public bool OnPreDelete(PreDeleteEvent @event) => Entity(@event, "the deletion of");

    public void OnPreRecreateCollection(PreCollectionRecreateEvent @event) => Collection(@event);

    public void OnPreRemoveCollection(PreCollectionRemoveEvent @event) => Collection(@event);

    public void OnPreUpdateCollection(PreCollectionUpdateEvent @event) => Collection(@event);

    public Task<bool> OnPreInsertAsync(PreInsertEvent @event, CancellationToken cancellationToken) => Done(() => OnPreInsert(@event));

    public Task<bool> OnPreUpdateAsync(PreUpdateEvent @event, CancellationToken cancellationToken) => Done(() => OnPreUpdate(@event));

    public Task<bool> OnPreDeleteAsync(PreDeleteEvent @event, CancellationToken cancellationToken) => Done(() => OnPreDelete(@event));

    public Task OnPreRecreateCollectionAsync(PreCollectionRecreateEvent @event, CancellationToken cancellationToken) => Done(() => Collection(@event));

    public Task OnPreRemoveCollectionAsync(PreCollectionRemoveEvent @event, CancellationToken cancellationToken) => Done(() => Collection(@event));

    public Task OnPreUpdateCollectionAsync(PreCollectionUpdateEvent @event, CancellationToken cancellationToken) => Done(() => Collection(@event));

    private static bool Entity(AbstractPreDatabaseOperationEvent @event, string what)
    {
        if (SessionTarget.RefusalOf(@event.Session) is not null)
        {
            Refuse(@event.Session, $"{what} {@event.Persister.EntityName}#{@event.Id}");
        }

        return false;
    }

    private static bool Collection(AbstractCollectionEvent @event)
    {
        if (SessionTarget.RefusalOf(@event.Session) is not null)
        {
            Refuse(@event.Session, $"the change of a collection ({@event.Collection.Role}) of {@event.GetAffectedOwnerEntityName()}#{@event.AffectedOwnerIdOrNull}");
        }

        return false;
    }

    private static void Refuse(IEventSource session, string what)
    {
        if (SessionTarget.IsOnSlave(session))
        {
            // What the flush has queued stays queued when it fails, and would be refused again after the application has evicted it.
            session.ActionQueue.ClearFromFlushNeededCheck(0);
        }

        SessionTarget.Refuse(session, what, WriteLayer.Flush);
    }

    private static Task<bool> Done(Func<bool> action)
    {
        try
        {
            return Task.FromResult(action());
        }
        catch (global::NHibernate.HibernateException e)
        {
            return Task.FromException<bool>(e);
        }
    }
}
