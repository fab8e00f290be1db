using Replicated.NHibernate.Nodes.Balancing;

namespace Replicated.NHibernate.Nodes;

/// <summary>How far a server was when it was last asked, and when the question was sent: what had been written by then is before the place.</summary>
internal sealed record NodeReading(Position Position, DateTimeOffset At);

/// <summary>One database server as configured, and what this process knows of it. Thread-safe.</summary>
internal sealed class Node(string name, DatabaseRole role, int weight, string connectionString, string readOnlyConnectionString)
{
    public const string MasterName = "master";

    private int _inUse;
    private int _saidWithoutPositions;
    private int _saidPooler;
    private volatile int _weight = weight;
    private volatile NodeReading? _reading;
    private volatile NodeHealth _health = NodeHealth.Unknown;
    private volatile bool _hasFollowed;
    private volatile bool _isReadOnlyModeOff;
    private volatile bool _isDirect;
    private long _lag;

    public string Name { get; } = name;

    public ulong NameHash { get; } = Rendezvous.HashOf(name);

    public DatabaseRole Role { get; } = role;

    /// <summary>Changes with a reload.</summary>
    public int Weight { get => _weight; set => _weight = value; }

    /// <summary>For sessions of the master role.</summary>
    public string ConnectionString { get; } = connectionString;

    /// <summary>For sessions of the slave role, on whichever node.</summary>
    public string ReadOnlyConnectionString { get; } = readOnlyConnectionString;

    /// <summary>The same two with statements prepared by the provider; null where that is switched off.</summary>
    public (string Master, string ReadOnly)? Preparing { get; init; }

    /// <summary>Whether no pooler was found in between: behind one, a prepared statement may meet another server process.</summary>
    public bool IsDirect { get => _isDirect; set => _isDirect = value; }

    /// <summary>Connections that scopes hold at this moment.</summary>
    public int InUse => Volatile.Read(ref _inUse);

    /// <summary>How far the server was when it was last asked; a slave never goes back.</summary>
    public NodeReading? Reading { get => _reading; set => _reading = value; }

    /// <summary>What is known of it. Written by <see cref="Topology"/> alone.</summary>
    public NodeHealth Health { get => _health; set => _health = value; }

    /// <summary>Whether it was ever seen to follow a master: one that then does not any more was promoted.</summary>
    public bool HasFollowed { get => _hasFollowed; set => _hasFollowed = value; }

    /// <summary>Whether its sessions were found not to be read-only although the connection string asks for it, as behind a pooler that drops startup options.</summary>
    public bool IsReadOnlyModeOff { get => _isReadOnlyModeOff; set => _isReadOnlyModeOff = value; }

    /// <summary>For how long a slave has lacked something that the master has.</summary>
    public TimeSpan Lag { get => new(Volatile.Read(ref _lag)); set => Volatile.Write(ref _lag, value.Ticks); }

    /// <summary>Whether nobody has said yet that it tells no position.</summary>
    public bool IsFirstWithoutPositions() => Interlocked.Exchange(ref _saidWithoutPositions, 1) == 0;

    /// <summary>Whether nobody has said yet that a pooler is in between.</summary>
    public bool IsFirstWithPooler() => Interlocked.Exchange(ref _saidPooler, 1) == 0;

    /// <summary>How to connect for a session of that role.</summary>
    public string StringFor(DatabaseRole role)
    {
        var (master, readOnly) = IsDirect && Preparing is { } preparing ? preparing : (ConnectionString, ReadOnlyConnectionString);
        return role == DatabaseRole.Master ? master : readOnly;
    }

    /// <summary>The provider's pools of connections to it: sessions outside routing use the master's string as it was configured.</summary>
    public IEnumerable<string> Pools()
    {
        string[] all = Role == DatabaseRole.Master ? [StringFor(DatabaseRole.Master), StringFor(DatabaseRole.Slave), ConnectionString] : [StringFor(DatabaseRole.Slave)];
        return all.Distinct(StringComparer.Ordinal);
    }

    public void Enter() => Interlocked.Increment(ref _inUse);

    public void Leave() => Interlocked.Decrement(ref _inUse);
}
