using NHibernate.Event;

namespace Replicated.NHibernate.Sessions;

internal static class GuardListeners
{
    /// <summary>Puts the guards first, so that nothing is queued, cached or generated before they speak.</summary>
    public static void Install(EventListeners listeners)
    {
        if (Array.Exists(listeners.SaveEventListeners, l => l is WriteGuard))
        {
            return;
        }

        var (write, flush) = (new WriteGuard(), new FlushGuard());
        listeners.SaveEventListeners = [write, .. listeners.SaveEventListeners];
        listeners.UpdateEventListeners = [write, .. listeners.UpdateEventListeners];
        listeners.SaveOrUpdateEventListeners = [write, .. listeners.SaveOrUpdateEventListeners];
        listeners.PersistEventListeners = [write, .. listeners.PersistEventListeners];
        listeners.PersistOnFlushEventListeners = [write, .. listeners.PersistOnFlushEventListeners];
        listeners.MergeEventListeners = [write, .. listeners.MergeEventListeners];
        listeners.DeleteEventListeners = [write, .. listeners.DeleteEventListeners];
        listeners.ReplicateEventListeners = [write, .. listeners.ReplicateEventListeners];
        listeners.LockEventListeners = [write, .. listeners.LockEventListeners];
        listeners.PreInsertEventListeners = [flush, .. listeners.PreInsertEventListeners];
        listeners.PreUpdateEventListeners = [flush, .. listeners.PreUpdateEventListeners];
        listeners.PreDeleteEventListeners = [flush, .. listeners.PreDeleteEventListeners];
        listeners.PreCollectionRecreateEventListeners = [flush, .. listeners.PreCollectionRecreateEventListeners];
        listeners.PreCollectionRemoveEventListeners = [flush, .. listeners.PreCollectionRemoveEventListeners];
        listeners.PreCollectionUpdateEventListeners = [flush, .. listeners.PreCollectionUpdateEventListeners];
    }
}
