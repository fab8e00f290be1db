using System.Collections;
using NHibernate;
using NHibernate.Event;

namespace Replicated.NHibernate.Sessions;

/// <summary>
/// Refuses row locks at the call: Lock, Refresh, Get and Load with a mode above <see cref="LockMode.Read"/>, which some databases write down, on a slave;
/// <see cref="LockMode.Force"/>, which writes a version, wherever writes are refused.
/// </summary>
internal sealed class LockGuard : ILockEventListener, IRefreshEventListener, ILoadEventListener
{
    public void OnLock(LockEvent @event)
    {
        ForeignEntity.Refuse(@event.Session, @event.EntityName, @event.Entity, "locking");
        if (IsRefused(@event.Session, @event.LockMode, out var batcher))
        {
            Refuse(batcher, EntityNames.Of(@event.Session, @event.EntityName, @event.Entity), @event.LockMode);
        }
    }

    public void OnRefresh(RefreshEvent @event)
    {
        if (IsRefused(@event.Session, @event.LockMode, out var batcher))
        {
            Refuse(batcher, EntityNames.Of(@event.Session, entityName: null, @event.Entity), @event.LockMode);
        }
    }

    public void OnRefresh(RefreshEvent @event, IDictionary refreshedAlready) => OnRefresh(@event);

    public void OnLoad(LoadEvent @event, LoadType loadType)
    {
        if (IsRefused(@event.Session, @event.LockMode, out var batcher))
        {
            Refuse(batcher, $"{@event.EntityClassName}#{@event.EntityId}", @event.LockMode);
        }
    }

    public Task OnLockAsync(LockEvent @event, CancellationToken cancellationToken) => Done(() => OnLock(@event));

    public Task OnRefreshAsync(RefreshEvent @event, CancellationToken cancellationToken) =>
        Locks(@event.LockMode) ? Done(() => OnRefresh(@event)) : Task.CompletedTask;

    public Task OnRefreshAsync(RefreshEvent @event, IDictionary refreshedAlready, CancellationToken cancellationToken) => OnRefreshAsync(@event, cancellationToken);

    public Task OnLoadAsync(LoadEvent @event, LoadType loadType, CancellationToken cancellationToken) =>
        Locks(@event.LockMode) ? Done(() => OnLoad(@event, loadType)) : Task.CompletedTask;

    // Loading is what a read does all the time, so the mode is asked first.
    private static bool Locks(LockMode? mode) => mode is not null && mode.GreaterThan(LockMode.Read);

    private static bool IsRefused(IEventSource session, LockMode? mode, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ReplicatedBatcher? batcher)
    {
        batcher = Locks(mode) ? ReplicatedBatcher.Of(session) : null;
        return batcher is { IsOnSlave: true } || (LockMode.Force.Equals(mode) && batcher is { Refuses: true });
    }

    private static void Refuse(ReplicatedBatcher batcher, string entity, LockMode mode) =>
        batcher.Refuse($"locking {entity} (LockMode.{mode})", WriteLayer.Call);

    private static Task Done(Action action)
    {
        try
        {
            action();
            return Task.CompletedTask;
        }
        catch (HibernateException e)
        {
            return Task.FromException(e);
        }
    }
}
