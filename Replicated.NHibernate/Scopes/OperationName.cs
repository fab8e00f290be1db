namespace Replicated.NHibernate.Scopes;

/// <summary>What kind of work a scope does, for messages that say where a remedy belongs.</summary>
internal enum WorkKind
{
    /// <summary>No endpoint is known yet, or there is none.</summary>
    Request,

    Action,

    Page,

    Endpoint,

    GrpcMethod,

    HubMethod,

    /// <summary>Begun by <c>BeginScope</c>: a job, a message handler, a test.</summary>
    Scope,

    /// <summary>A container scope without a request.</summary>
    ContainerScope,
}

/// <summary>What a scope is called in messages: its kind, a request's verb, and the action or the route's pattern, never a path, which is the client's data.</summary>
internal readonly record struct OperationName(WorkKind Kind, string? Name = null, string? Verb = null)
{
    private const string OrBlock = ", or wrap the code in using (sessions.UseMaster()) { … } and use GetCurrentSession() there.";

    /// <summary>How such work gets the master; one or two sentences.</summary>
    public string ForMaster => Kind switch
    {
        WorkKind.Scope => "Begin the scope with BeginScope(DatabaseRole.Master)" + OrBlock,
        WorkKind.ContainerScope => "Do it outside UseSlave()" + OrBlock,
        WorkKind.Request => "Put [UseMaster] on what the request leads to" + OrBlock,
        _ => $"Put [UseMaster] on {Place}" + OrBlock,
    };

    /// <summary>Where the work's own code stands.</summary>
    public string Place => Kind switch
    {
        WorkKind.Action => "the action",
        WorkKind.Page => "the page's model",
        WorkKind.Endpoint => "the endpoint's handler",
        WorkKind.GrpcMethod => "the gRPC method",
        WorkKind.HubMethod => "the hub method",
        WorkKind.Request => "the request's handler",
        _ => "the scope",
    };

    public override string ToString() => string.Join(' ', Parts());

    private IEnumerable<string> Parts()
    {
        yield return Kind switch
        {
            WorkKind.GrpcMethod => "gRPC method",
            WorkKind.HubMethod => "Hub method",
            WorkKind.Scope => "A scope begun by BeginScope",
            WorkKind.ContainerScope => "A container scope without a request",
            _ => Kind.ToString(),
        };
        if (Verb is not null)
        {
            yield return Verb;
        }

        if (Name is not null)
        {
            yield return Name;
        }
    }
}
