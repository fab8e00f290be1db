using System.Runtime.CompilerServices;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>What happens, in order, and a way to wait for what has not happened yet. Thread-safe.</summary>
internal sealed class Happenings<T>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly List<T> _all = [];
    private readonly List<Waiter> _waiters = [];

    public T[] All
    {
        get
        {
            lock (_lock)
            {
                return [.. _all];
            }
        }
    }

    public void Add(T happened)
    {
        lock (_lock)
        {
            _all.Add(happened);
            _waiters.RemoveAll(w => w.IsDoneBy(happened));
        }
    }

    /// <summary>The first of this kind, also one that has happened already.</summary>
    public Task<T> First(Predicate<T> wanted, [CallerArgumentExpression(nameof(wanted))] string what = "") => Number(1, wanted, what);

    /// <summary>The last of so many of this kind, those among them that have happened already.</summary>
    public async Task<T> Number(int count, Predicate<T> wanted, [CallerArgumentExpression(nameof(wanted))] string what = "")
    {
        var waiter = new Waiter(count, wanted);
        lock (_lock)
        {
            if (!_all.Exists(waiter.IsDoneBy))
            {
                _waiters.Add(waiter);
            }
        }

        try
        {
            return await waiter.Done.WaitAsync(Patience);
        }
        catch (TimeoutException late)
        {
            throw new TimeoutException($"Within {Patience.TotalSeconds} s there were not {count} with {what}, but {string.Join("; ", All.TakeLast(5))}.", late);
        }
    }

    private sealed class Waiter(int count, Predicate<T> wanted)
    {
        private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _left = count;

        public Task<T> Done => _done.Task;

        public bool IsDoneBy(T happened) => wanted(happened) && --_left == 0 && _done.TrySetResult(happened);
    }
}
