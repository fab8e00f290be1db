using System.Collections.Concurrent;
using Npgsql;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>64 clients that ask all the time until they are told to stop; one request of twenty writes.</summary>
internal sealed class SteadyLoad
{
    private const int Clients = 64;
    private const int OneWriteOf = 20;

    // Sooner than Retry-After asks for, so that it is soon seen that the server answers again.
    private static readonly TimeSpan AfterRefusal = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<int, Visit> _running = new();
    private readonly Func<Visit, Task> _send;
    private readonly bool _writes;
    private readonly bool _oneStatement;
    private readonly Task _clients;
    private volatile bool _isOver;
    private int _begun;

    private SteadyLoad(Func<Visit, Task> send, bool writes, bool oneStatement)
    {
        (_send, _writes, _oneStatement) = (send, writes, oneStatement);
        _clients = Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => Task.Run(Client)));
    }

    /// <summary>Every request that has ended, in the order of their ends.</summary>
    public Happenings<Visit> Visits { get; } = new();

    public static SteadyLoad Start(Func<Visit, Task> send, bool writes, bool oneStatement = false) => new(send, writes, oneStatement);

    /// <summary>Until so many requests have been answered well that had not begun yet.</summary>
    public Task More(int requests)
    {
        var before = Volatile.Read(ref _begun);
        return Visits.Number(requests, v => v.Number > before && v.IsOk, "an answer");
    }

    /// <summary>Everything that was asked for, once nothing runs any more.</summary>
    public async Task<Visit[]> Stop()
    {
        _isOver = true;
        await _clients;
        return Visits.All;
    }

    private async Task Client()
    {
        while (!_isOver)
        {
            var number = Interlocked.Increment(ref _begun);
            var visit = new Visit(number, _writes && number % OneWriteOf == 0) { IsOneStatement = _oneStatement };
            await _send(visit);
            Visits.Add(visit);
            if (visit.IsRefused)
            {
                await Task.Delay(AfterRefusal);
            }
        }
    }
}
