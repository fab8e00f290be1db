using Replicated.NHibernate.Nodes.Balancing;

namespace Replicated.NHibernate.Nodes;

/// <summary>How far a server was when it was last asked, and when the question was sent: what had been written by then is before the place.</summary>
internal sealed record NodeReading(Position Position, DateTimeOffset At);

/// <summary>One database server as configured, and what this process knows of it. Thread-safe.</summary>
internal sealed class Node(string name, DatabaseRole role, int weight, string connectionString, string readOnlyConnectionString)
{
    public const string MasterName = "master";

    private int _inUse;
    private long _leftOutUntil;
    private volatile NodeReading? _reading;

    public string Name { get; } = name;

    public ulong NameHash { get; } = Rendezvous.HashOf(name);

    public DatabaseRole Role { get; } = role;

    public int Weight { get; } = weight;

    /// <summary>For sessions of the master role.</summary>
    public string ConnectionString { get; } = connectionString;

    /// <summary>For sessions of the slave role, on whichever node.</summary>
    public string ReadOnlyConnectionString { get; } = readOnlyConnectionString;

    /// <summary>Connections that scopes hold at this moment.</summary>
    public int InUse => Volatile.Read(ref _inUse);

    /// <summary>How far the server was when it was last asked; a slave never goes back.</summary>
    public NodeReading? Reading { get => _reading; set => _reading = value; }

    public void Enter() => Interlocked.Increment(ref _inUse);

    public void Leave() => Interlocked.Decrement(ref _inUse);

    public bool IsLeftOut(TimeProvider clock)
    {
        var until = Volatile.Read(ref _leftOutUntil);
        return until != 0 && clock.GetTimestamp() < until;
    }

    public void LeaveOut(TimeProvider clock, TimeSpan time) =>
        Volatile.Write(ref _leftOutUntil, clock.GetTimestamp() + (long)(time.TotalSeconds * clock.TimestampFrequency));

    public void Opened() => Volatile.Write(ref _leftOutUntil, 0);
}
