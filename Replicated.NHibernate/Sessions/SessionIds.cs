using System.Collections.Concurrent;

namespace Replicated.NHibernate.Sessions;

/// <summary>
/// Which unit a session works for, by the session's id, which is all that a connection provider is told; no unit for a session that the
/// application opened by itself. An id that is not here belongs to no open session: it was left behind in the execution context.
/// </summary>
internal static class SessionIds
{
    private static readonly ConcurrentDictionary<Guid, SessionUnit?> Units = new();

    public static int Count => Units.Count;

    public static bool TryFind(Guid id, out SessionUnit? unit) => Units.TryGetValue(id, out unit);

    public static bool Add(Guid id, SessionUnit? unit) => Units.TryAdd(id, unit);

    public static void Remove(Guid id) => Units.TryRemove(id, out _);
}

/// <summary>A session outside routing, and those that share its connection. Finalized, because applications forget to close sessions.</summary>
internal sealed class UnroutedSession : IDisposable
{
    private readonly Guid _id;
    private List<Guid>? _sharing;

    public UnroutedSession(Guid id)
    {
        _id = id;
        SessionIds.Add(id, unit: null);
    }

#pragma warning disable MA0055 // A session that was forgotten must not stay in the list for ever.
    ~UnroutedSession() => Remove();
#pragma warning restore MA0055

    public void Know(Guid id)
    {
        if (id != _id && SessionIds.Add(id, unit: null))
        {
            (_sharing ??= []).Add(id);
        }
    }

    public void Dispose()
    {
        Remove();
        GC.SuppressFinalize(this);
    }

    private void Remove()
    {
        SessionIds.Remove(_id);
        _sharing?.ForEach(SessionIds.Remove);
    }
}
