namespace Replicated.NHibernate.Nodes;

/// <summary>
/// The places of reads that the master takes over. There are two kinds: reads of a client's own write that no slave has, and reads that no slave can serve.
/// Neither may take the last quarter from the other: whoever sends forged tokens must not shut out everybody else. Thread-safe.
/// </summary>
internal sealed class FallbackCap
{
    private readonly Lock _lock = new();
    private int _tokened;
    private int _others;

    /// <param name="reason">Why the master takes the read over.</param>
    /// <param name="most">How many it takes over at most, of both kinds.</param>
    /// <returns>Whether there was a place, which is to be given back by <see cref="Leave"/>.</returns>
    public bool TryEnter(RouteReason reason, int most)
    {
        lock (_lock)
        {
            ref var own = ref Of(reason);
            if (_tokened + _others >= most || own >= most - (most / 4))
            {
                return false;
            }

            own++;
            return true;
        }
    }

    public void Leave(RouteReason reason)
    {
        lock (_lock)
        {
            Of(reason)--;
        }
    }

    private ref int Of(RouteReason reason)
    {
        if (reason == RouteReason.Token)
        {
            return ref _tokened;
        }

        return ref _others;
    }
}
