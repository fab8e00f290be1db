namespace Replicated.NHibernate.Web.Status;

/// <summary>What the page and the JSON show: the servers as one instance of the application sees them. Times in seconds where a name says so.</summary>
internal sealed record ReplicatedStatus(
    DateTimeOffset At,
    InstanceStatus Instance,
    SettingsStatus Settings,
    IReadOnlyList<NodeStatus> Nodes,
    IReadOnlyList<SessionCount> Sessions,
    FallbackStatus Fallbacks,
    IReadOnlyList<TaggedCount> Tokens,
    IReadOnlyList<TaggedCount> Ejections);

/// <summary>Which of several instances this is.</summary>
internal sealed record InstanceStatus(string Machine, int Process, DateTimeOffset CountingSince);

/// <summary>The settings in force that decide what the page shows.</summary>
internal sealed record SettingsStatus(bool AutoReadOnSlave, string ReadYourWritesMode, double MaxLagSeconds, double ProbeIntervalSeconds, string LoadBalancing, bool PositionsAreKnown);

/// <param name="Name">As configured.</param>
/// <param name="Address">Host and port, where the connection string has them.</param>
/// <param name="Role">As configured: master or slave.</param>
/// <param name="Weight">The share of the reads.</param>
/// <param name="State">As metrics name it.</param>
/// <param name="IsUsed">Whether sessions are sent there in this state.</param>
/// <param name="Why">Why it is in that state.</param>
/// <param name="Since">Null where nothing was found out yet.</param>
/// <param name="LagSeconds">For how long a slave has lacked something that the master has; null where nobody knows.</param>
/// <param name="PositionAgeSeconds">How long ago the server said how far it is.</param>
/// <param name="ConnectionsInUse">Connections that scopes hold at this moment.</param>
/// <param name="SessionsPerSecond">Over the last ten seconds.</param>
/// <param name="LagHistory">The lag of the last five minutes, the oldest first, one a second.</param>
internal sealed record NodeStatus(
    string Name,
    string? Address,
    string Role,
    int Weight,
    string State,
    bool IsUsed,
    string Why,
    DateTimeOffset? Since,
    double? LagSeconds,
    double? PositionAgeSeconds,
    int ConnectionsInUse,
    double SessionsPerSecond,
    IReadOnlyList<double?> LagHistory);

/// <summary>Sessions that got a server.</summary>
internal sealed record SessionCount(string Role, string Node, string Reason, long Count);

/// <summary>A count and what it counts, by the tags of the metric.</summary>
internal sealed record TaggedCount(IReadOnlyDictionary<string, string> Tags, long Count);

/// <summary>Reads that the master took over.</summary>
internal sealed record FallbackStatus(long Active, int MaxActive, IReadOnlyList<TaggedCount> Counts);
