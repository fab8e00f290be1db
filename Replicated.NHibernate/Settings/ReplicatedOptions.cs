using System.ComponentModel.DataAnnotations;

namespace Replicated.NHibernate;

/// <summary>
/// The configuration section <c>Replicated</c>. Validated when the application starts, all errors in one exception; a reload that is
/// not valid is logged and the former values stay in force.
/// </summary>
public sealed class ReplicatedOptions
{
    /// <summary>The name of the configuration section.</summary>
    public const string SectionName = "Replicated";

    /// <summary>
    /// Whether requests with a read-only verb read from slaves by themselves. <see langword="false"/> sends everything to the master but
    /// what asks for a slave explicitly. Can be changed while the application runs.
    /// </summary>
    /// <value><see langword="true"/></value>
    public bool AutoReadOnSlave { get; set; } = true;

    /// <summary>The HTTP methods that only read; compared as HTTP does, with case. Can be changed while the application runs.</summary>
    /// <value><c>GET</c>, <c>HEAD</c>. A configured list takes the default's place.</value>
    public IList<string> ReadOnlyMethods { get; set; } = [];

    /// <summary>
    /// Whether each request's work on the master runs in one transaction that is begun with the first statement and committed before the
    /// response. <see langword="false"/> leaves transactions to the application. Needs a restart.
    /// </summary>
    /// <value><see langword="true"/></value>
    public bool TransactionPerRequest { get; set; } = true;

    /// <summary>
    /// Whether a first statement whose connection was lost, or which a slave cancelled because of what it replays, is sent once more before anybody has read a row: on another
    /// slave, or on a new connection to the master in a transaction that is begun anew. Never a statement that commits by itself and may write, and never a COMMIT.
    /// <see cref="NoRepeatAttribute"/> turns it off for an endpoint. Can be changed while the application runs.
    /// </summary>
    /// <value><see langword="true"/></value>
    public bool Repeat { get; set; } = true;

    /// <summary>
    /// The lowest status of an answer that rolls its request's work back: 400 for applications in which an answer that refuses must not save anything. An exception
    /// that leaves the endpoint rolls back whatever its status. Can be changed while the application runs.
    /// </summary>
    /// <value>500</value>
    [Range(400, 500, ErrorMessage = "RollBackFrom must be between 400 and 500.")]
    public int RollBackFrom { get; set; } = 500;

    /// <summary>
    /// What becomes of entities that a session of the slave role holds changed at the commit point, where nobody asked it to write. Often nobody has changed them: NHibernate takes an entity for changed where
    /// a NULL was read into a property that cannot hold one, or where a user type's <c>Equals</c> does not compare values. What is asked for explicitly (<c>Save</c>, <c>Delete</c>, HQL, SQL) is refused
    /// whatever stands here. Can be changed while the application runs.
    /// </summary>
    /// <value><see cref="ChangesOnSlaveMode.Throw"/></value>
    public ChangesOnSlaveMode ChangesOnSlave { get; set; }

    /// <summary>The master's weight as one more candidate for reads; 0 keeps them off it. Can be changed while the application runs.</summary>
    /// <value>0</value>
    [Range(0, 100)]
    public int MasterReadWeight { get; set; }

    /// <summary>
    /// How one of several slaves is chosen: <c>PowerOfTwoChoices</c>, <c>RoundRobin</c> or <c>Random</c>, each by weight, or the name of an
    /// <see cref="ILoadBalancingPolicy"/> that the application has registered. Can be changed while the application runs.
    /// </summary>
    /// <value><c>PowerOfTwoChoices</c></value>
    public string LoadBalancing { get; set; } = "PowerOfTwoChoices";

    /// <summary>
    /// The slaves beside <c>ConnectionStrings:Slave</c>. Can be changed while the application runs: who reads from a slave that was taken away finishes there.
    /// Adding the first one needs a restart.
    /// </summary>
    /// <value>none</value>
    public IList<SlaveOptions> Slaves { get; } = [];

    /// <summary>
    /// A slave that lacks what the master wrote longer ago than this is not used until it has caught up. Known to about one <c>Probe:Interval</c>; a master that
    /// is idle makes nobody late. Can be changed while the application runs.
    /// </summary>
    /// <value>30 s</value>
    [Range(typeof(TimeSpan), "00:00:00.001", "7.00:00:00", ErrorMessage = "MaxLag must be between 1 ms and 7 days.")]
    public TimeSpan MaxLag { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How many sessions at a time may read from the master because no slave can be used, or none has what the client wrote. From 4 on, neither of the two kinds takes the last
    /// quarter from the other. Can be changed while the application runs.
    /// </summary>
    /// <value>50</value>
    [Range(0, 10_000)]
    public int MaxFallbackSessions { get; set; } = 50;

    /// <summary>
    /// Whether a slave session's connections carry the database's own read-only switch (PostgreSQL through Npgsql:
    /// <c>default_transaction_read_only=on</c>, appended to the connection string's <c>Options</c>). Turn it off for a pooler that
    /// refuses startup options. Needs a restart.
    /// </summary>
    /// <value><see langword="true"/></value>
    public bool ReadOnlySwitch { get; set; } = true;

    /// <summary>
    /// Whether the provider prepares statements that are used often (PostgreSQL through Npgsql: <c>Max Auto Prepare=50</c>, where the connection string says nothing
    /// of it). Only on servers that were found to have no pooler in between. Turn it off where tables are altered under a running application. Needs a restart.
    /// </summary>
    /// <value><see langword="true"/></value>
    public bool AutoPrepare { get; set; } = true;

    /// <summary>How reads see what was written before them, across requests.</summary>
    public ReadYourWritesOptions ReadYourWrites { get; } = new();

    /// <summary>Whether the reads of one client never go back in time, though slaves differ. Can be changed while the application runs.</summary>
    /// <value><see cref="MonotonicReadsMode.Off"/></value>
    public MonotonicReadsMode MonotonicReads { get; set; }

    /// <summary>How servers are asked in the background.</summary>
    public ProbeOptions Probe { get; } = new();

    /// <summary>Whether every answer carries the header <c>Replicated-Route</c>. Can be changed while the application runs.</summary>
    /// <value><see langword="false"/></value>
    public bool RouteHeader { get; set; }
}

/// <summary>One slave of the section <c>Replicated:Slaves</c>.</summary>
public sealed class SlaveOptions
{
    /// <summary>The name that logs and the route header show. Required, unique, not <c>master</c>.</summary>
    public string Name { get; set; } = "";

    /// <summary>How to connect. Either this or <see cref="ConnectionStringName"/>.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>A name in the section <c>ConnectionStrings</c>. Either this or <see cref="ConnectionString"/>.</summary>
    public string? ConnectionStringName { get; set; }

    /// <summary>The share of the reads that this slave takes, relative to the others.</summary>
    /// <value>1</value>
    [Range(1, 100)]
    public int Weight { get; set; } = 1;

    /// <summary>
    /// Whether several servers stand behind the address, as behind a load balancer or a cloud's reader endpoint. What one connection finds out then counts for no other: each
    /// one is asked, which costs a round trip. An address that is seen to lead to several is taken for one without this.
    /// </summary>
    /// <value>false</value>
    public bool LoadBalancer { get; set; }
}
