using NHibernate.Engine;
using NHibernate.Event;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Sessions;

/// <summary>Refuses, during a flush, each row that would be written: changed properties and collections among them.</summary>
internal sealed class FlushGuard :
    IPreInsertEventListener, IPreUpdateEventListener, IPreDeleteEventListener,
    IPreCollectionRecreateEventListener, IPreCollectionRemoveEventListener, IPreCollectionUpdateEventListener
{
    public bool OnPreInsert(PreInsertEvent @event) => Entity(@event, static e => $"the insert of {NameOf(e)}");

    public bool OnPreUpdate(PreUpdateEvent @event) =>
        Entity(@event, static e => $"the update of {NameOf(e)}{ChangedProperties.Of(e.Persister, e.State, e.OldState, e.Entity, e.Session)}");

    public bool OnPreDelete(PreDeleteEvent @event) => Entity(@event, static e => $"the deletion of {NameOf(e)}");

    public void OnPreRecreateCollection(PreCollectionRecreateEvent @event) => Collection(@event);

    public void OnPreRemoveCollection(PreCollectionRemoveEvent @event) => Collection(@event);

    public void OnPreUpdateCollection(PreCollectionUpdateEvent @event) => Collection(@event);

    public Task<bool> OnPreInsertAsync(PreInsertEvent @event, CancellationToken cancellationToken) => Done(() => OnPreInsert(@event));

    public Task<bool> OnPreUpdateAsync(PreUpdateEvent @event, CancellationToken cancellationToken) => Done(() => OnPreUpdate(@event));

    public Task<bool> OnPreDeleteAsync(PreDeleteEvent @event, CancellationToken cancellationToken) => Done(() => OnPreDelete(@event));

    public Task OnPreRecreateCollectionAsync(PreCollectionRecreateEvent @event, CancellationToken cancellationToken) => Done(() => Collection(@event));

    public Task OnPreRemoveCollectionAsync(PreCollectionRemoveEvent @event, CancellationToken cancellationToken) => Done(() => Collection(@event));

    public Task OnPreUpdateCollectionAsync(PreCollectionUpdateEvent @event, CancellationToken cancellationToken) => Done(() => Collection(@event));

    private static string NameOf(AbstractPreDatabaseOperationEvent @event) => $"{@event.Persister.EntityName}#{@event.Id}";

    private static bool Entity<TEvent>(TEvent @event, Func<TEvent, string> what)
        where TEvent : AbstractPreDatabaseOperationEvent
    {
        Check(@event.Session, @event, what);
        return false;
    }

    private static bool Collection(AbstractCollectionEvent @event)
    {
        Check(@event.Session, @event, static e => $"the change of a collection ({e.Collection.Role}) of {e.GetAffectedOwnerEntityName()}#{e.AffectedOwnerIdOrNull}");
        return false;
    }

    private static void Check<TEvent>(IEventSource session, TEvent @event, Func<TEvent, string> what)
    {
        if (SessionTarget.RefusalOf(session) is not null)
        {
            Refuse(session, what(@event));
        }
        else if (SessionTarget.Of(session) is RoleConnection { Changes: { } changes })
        {
            changes.Note(what(@event));
        }
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
