namespace Replicated.NHibernate.Tests.Torture;

/// <summary>What a client does.</summary>
internal enum OperationKind
{
    ReadOwn,
    ReadOther,
    ReadTwice,
    Write,
    WriteInBlock,

    /// <summary>A write whose client goes away before the answer.</summary>
    Abort,
}

/// <summary>One request of one client. Every client writes the numbers 1, 2, 3 and so on, each once, and a read answers with the highest number of an owner.</summary>
internal sealed record Operation(int Client, OperationKind Kind, int Owner)
{
    /// <summary>What was to be written; 0 for a read.</summary>
    public int Number { get; init; }

    public TimeSpan Began { get; init; }

    public TimeSpan Ended { get; init; }

    /// <summary>Null where the client got no answer.</summary>
    public int? Status { get; init; }

    public bool HasRetryAfter { get; init; }

    /// <summary>What a read answered, in the order of its statements.</summary>
    public int[] Seen { get; init; } = [];

    /// <summary>The route header.</summary>
    public string Route { get; init; } = "";

    /// <summary>Whether what was thrown says that a connection in use ended, or a read was cancelled for recovery.</summary>
    public bool WasInFlight { get; init; }

    public string Thrown { get; init; } = "";

    public bool IsWrite => Kind is OperationKind.Write or OperationKind.WriteInBlock or OperationKind.Abort;

    public bool IsOk => Status == 200;
}

/// <summary>What the nemesis did to whom, and for how long.</summary>
internal sealed record Disturbance(string Kind, string Node, TimeSpan Began, TimeSpan Ended)
{
    public bool Covers(TimeSpan from, TimeSpan to, TimeSpan after) => Began <= to && from <= Ended + after;
}

/// <summary>What is left when nothing runs any more.</summary>
internal sealed record Leftover(int Connections, int Fallbacks, int OpenTransactions);
