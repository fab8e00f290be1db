namespace Replicated.NHibernate.Scopes;

/// <summary>
/// Counts the statements that use a connection. Closed under a statement that runs, a connection may wait for good: the last one to come, the end of the scope or the
/// last statement, closes it, and nobody begins after that. Thread-safe.
/// </summary>
internal struct StatementGate
{
    // Below zero, however many statements still try to run.
    private const int Closed = int.MinValue / 2;

    private int _running;
    private volatile bool _refuses;
    private volatile bool _ending;

    public bool IsRunning => Volatile.Read(ref _running) > 0;

    /// <summary>Whether no statement may begin any more.</summary>
    public bool Refuses => _refuses;

    /// <summary>Whether nobody uses the connection any more, and it may be another scope's.</summary>
    public bool IsOver => _refuses && Volatile.Read(ref _running) < 0;

    /// <summary>Whether the end has come, but not that of a statement that somebody forgot, which will see to the rest.</summary>
    public bool IsLeftToStatement => _ending && IsRunning;

    /// <returns>Whether the statement may run.</returns>
    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _running) >= 0 || !_refuses)
        {
            return true;
        }

        Interlocked.Decrement(ref _running);
        return false;
    }

    /// <returns>Whether the end has come meanwhile and the caller may be the one to see to it, by <see cref="TryClose"/>.</returns>
    public bool Leave() => Interlocked.Decrement(ref _running) == 0 && _ending;

    /// <summary>The end has come.</summary>
    /// <param name="refuses">Whether statements that begin now are refused at once.</param>
    public void BeginEnd(bool refuses) => (_refuses, _ending) = (refuses, true);

    public void Refuse() => _refuses = true;

    /// <returns>Whether nothing runs, so that the caller sees to the end.</returns>
    public bool TryClose() => Interlocked.CompareExchange(ref _running, Closed, 0) == 0;
}
