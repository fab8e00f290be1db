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
    private int _hasAnswered;
    private volatile int _weight = weight;
    private volatile NodeReading? _reading;
    private volatile NodeHealth _health = NodeHealth.Unknown;
    private volatile ServerIdentity? _server;
    private volatile bool _hasFollowed;
    private volatile bool _isFollowing;
    private volatile bool _isReadOnlyModeOff;
    private volatile bool _isDirect;
    private volatile bool _isSeveral;
    private long _lag;
    private object? _provenLog;
    private object? _otherLogThan;

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

    /// <summary>What is known of it. Written by <see cref="NodeRegistry"/> alone.</summary>
    public NodeHealth Health { get => _health; set => _health = value; }

    /// <summary>Which server it last said it is; null where it has not told.</summary>
    public ServerIdentity? Server { get => _server; set => _server = value; }

    /// <summary>A log of the master's that the slave was seen to have, whatever older one it names. It holds until the server restarts: one that runs only moves on to later logs.</summary>
    public UInt128? ProvenLog { get => (UInt128?)Volatile.Read(ref _provenLog); set => Volatile.Write(ref _provenLog, value); }

    /// <summary>A log of the master's that the slave was seen not to have.</summary>
    public UInt128? OtherLogThan { get => (UInt128?)Volatile.Read(ref _otherLogThan); set => Volatile.Write(ref _otherLogThan, value); }

    /// <summary>Whether a slave's connection string names the one address that the master's names, as with a single database in development.</summary>
    public bool HasMastersAddress { get; init; }

    /// <summary>Host and port, for logs; null where it is not known how connection strings name them.</summary>
    public string? Address { get; init; }

    /// <summary>Whether its connection string named other servers as well: then one of them may be the master, and is no loss.</summary>
    public bool IsOneOfSeveral { get; init; }

    /// <summary>Whether several servers stand behind the address, so that what one connection finds out counts for no other.</summary>
    public bool IsSeveral { get => _isSeveral; set => _isSeveral = value; }

    /// <summary>Whether it followed a master when it was last asked.</summary>
    public bool IsFollowing { get => _isFollowing; set => _isFollowing = value; }

    /// <summary>Whether it was ever seen to follow a master: one that then does not any more was promoted.</summary>
    public bool HasFollowed { get => _hasFollowed; set => _hasFollowed = value; }

    /// <summary>Whether its sessions were found not to be read-only although the connection string asks for it, as behind a pooler that drops startup options.</summary>
    public bool IsReadOnlyModeOff { get => _isReadOnlyModeOff; set => _isReadOnlyModeOff = value; }

    /// <summary>For how long a slave has lacked something that the master has.</summary>
    public TimeSpan Lag { get => new(Volatile.Read(ref _lag)); set => Volatile.Write(ref _lag, value.Ticks); }

    /// <summary>Whether it had never answered before.</summary>
    public bool IsFirstAnswer() => Interlocked.Exchange(ref _hasAnswered, 1) == 0;

    /// <summary>Whether nobody has said yet that it tells no position.</summary>
    public bool IsFirstWithoutPositions() => Interlocked.Exchange(ref _saidWithoutPositions, 1) == 0;

    /// <summary>How far it says it is. A late answer needs no care: one that says too little only costs a question.</summary>
    public void Note(Position? position, DateTimeOffset at) => Reading = position is { } now ? new NodeReading(Known(now), at) : null;

    /// <summary>A place as it says, in the log that it is known to follow.</summary>
    public Position Known(Position said) => !IsSeveral && ProvenLog is { } log && log > said.Log ? said with { Log = log } : said;

    /// <summary>A connection was lost: a server that crashed may come back behind where it was, or as another one.</summary>
    public void Forget()
    {
        Reading = null;
        ProvenLog = null;
        OtherLogThan = null;
    }

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
