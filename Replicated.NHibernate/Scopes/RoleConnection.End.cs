using System.Runtime.ExceptionServices;

namespace Replicated.NHibernate.Scopes;

/// <summary>Who uses the connection at this moment, and who closes it in the end.</summary>
internal sealed partial class RoleConnection
{
    // Below zero, however many statements still try to run.
    private const int Over = int.MinValue / 2;

    private int _running;
    private volatile bool _ended;
    private volatile bool _ending;

    // The scope has ended, but not the statement that somebody forgot, which will see to the rest.
    private bool IsLeftToStatement => _ending && IsRunning;

    /// <summary>Whether the connection may be another scope's by now, and whoever still holds a reader of it must not touch it.</summary>
    public override bool IsOver => _ended && Volatile.Read(ref _running) < 0;

    /// <summary>A statement begins to use the connection, or goes on reading from it.</summary>
    /// <exception cref="ObjectDisposedException">The scope has ended.</exception>
    public override void BeginOperation()
    {
        if (Interlocked.Increment(ref _running) < 0 && _ended)
        {
            Interlocked.Decrement(ref _running);
            throw ScopeErrors.Ended(_scope.Work);
        }
    }

    public override void EndOperation()
    {
        if (Interlocked.Decrement(ref _running) == 0 && _ending)
        {
            EndWhereNothingRuns(async: false).AsTask().GetAwaiter().GetResult();
        }
    }

    public ValueTask End(bool async)
    {
        // Without transactions of the scope's, NHibernate writes what a stateless session still holds when it is closed.
        _ended = Role == DatabaseRole.Slave || _scope.IsTransactional;
        _ending = true;
        return EndWhereNothingRuns(async);
    }

    // Closed under a statement that runs, a connection may wait for good: whoever comes last closes it, and nobody comes after that.
    private ValueTask EndWhereNothingRuns(bool async)
    {
        if (Interlocked.CompareExchange(ref _running, Over, 0) != 0)
        {
            return ValueTask.CompletedTask;
        }

        if (!_ended || _inTransaction || _opened is not null)
        {
            return EndWork(async);
        }

        ForEach(static u => u.End())?.Throw();
        return ValueTask.CompletedTask;
    }

    private async ValueTask EndWork(bool async)
    {
        ExceptionDispatchInfo? thrown = null;
        try
        {
            // What was committed within a TransactionScope is left to it; what was not takes it along.
            if (!IsJoined || HasUncommittedWrites || HasPendingChanges)
            {
                await Rollback(async);
            }
        }
        catch (Exception e)
        {
            thrown = ExceptionDispatchInfo.Capture(e);
        }

        var thrownAtEnd = ForEach(static u => u.End());
        _ended = true;
        await Release(async);
        (thrown ?? thrownAtEnd)?.Throw();
    }
}
