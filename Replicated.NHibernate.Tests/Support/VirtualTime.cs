namespace Replicated.NHibernate.Tests;

/// <summary>Time that goes when it is told to, with the timers that hang on it.</summary>
internal sealed class VirtualTime : TimeProvider
{
    private static readonly DateTimeOffset Beginning = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly Lock _lock = new();
    private readonly List<Timer> _timers = [];
    private readonly List<(int Count, TaskCompletionSource Reached)> _watchers = [];
    private long _ticks = Beginning.Ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Volatile.Read(ref _ticks);

    public override DateTimeOffset GetUtcNow() => new(Volatile.Read(ref _ticks), TimeSpan.Zero);

    /// <summary>Each timer that is due on the way is called at its time.</summary>
    public void Advance(TimeSpan time)
    {
        var end = GetTimestamp() + time.Ticks;
        while (Next(end) is { } timer)
        {
            timer.Call();
        }

        Volatile.Write(ref _ticks, end);
    }

    /// <summary>Done when so many wait for their time; how long the first of them still has to.</summary>
    public async Task<TimeSpan> Waiting(int count)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            _watchers.Add((count, reached));
            TellWatchers();
        }

        await reached.Task.WaitAsync(TimeSpan.FromSeconds(30));
        lock (_lock)
        {
            return TimeSpan.FromTicks(_timers.Min(t => t.Due) - _ticks);
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    private void TellWatchers()
    {
        var waiting = _timers.Count(t => t.Due != long.MaxValue);
        foreach (var (_, reached) in _watchers.Where(w => w.Count <= waiting))
        {
            reached.TrySetResult();
        }
    }

    private Timer? Next(long end)
    {
        lock (_lock)
        {
            if (_timers.Where(t => t.Due <= end).MinBy(t => t.Due) is not { } timer)
            {
                return null;
            }

            Volatile.Write(ref _ticks, Math.Max(timer.Due, _ticks));
            timer.Due = timer.Period > 0 ? timer.Due + timer.Period : long.MaxValue;
            return timer;
        }
    }

    private sealed class Timer(VirtualTime time, Action call) : ITimer
    {
        public long Due { get; set; } = long.MaxValue;

        public long Period { get; private set; }

        public void Call() => call();

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._lock)
            {
                (Due, Period) = (dueTime < TimeSpan.Zero ? long.MaxValue : time.GetTimestamp() + dueTime.Ticks, period < TimeSpan.Zero ? 0 : period.Ticks);
                time._timers.Remove(this);
                time._timers.Add(this);
                time.TellWatchers();
                return true;
            }
        }

        public void Dispose()
        {
            lock (time._lock)
            {
                time._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
