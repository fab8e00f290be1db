namespace Replicated.NHibernate;

/// <summary>Why a route is what it is. Logs, metrics and the route header carry the one-word name that each member gives.</summary>
public enum RouteReason
{
    /// <summary><c>verb</c>: the HTTP method said so.</summary>
    Verb,

    /// <summary><c>attribute</c>: <c>[UseMaster]</c>, <c>[UseSlave]</c> or their endpoint conventions.</summary>
    Attribute,

    /// <summary><c>block</c>: code inside <c>UseMaster()</c> or <c>UseSlave()</c>.</summary>
    Block,

    /// <summary><c>switch</c>: <c>AutoReadOnSlave</c> is off.</summary>
    Switch,

    /// <summary><c>before-routing</c>: asked for before routing had found the endpoint, so the master answered.</summary>
    BeforeRouting,

    /// <summary><c>no-slave</c>: no slave is configured.</summary>
    NoSlave,

    /// <summary><c>fallback</c>: no slave could be reached, the master took the read over.</summary>
    Fallback,

    /// <summary><c>scope</c>: work outside an HTTP request said so.</summary>
    Scope,

    /// <summary><c>token</c>: no slave had what the client wrote, so the master took the read.</summary>
    Token,

    /// <summary><c>stale</c>: a slave was asked for explicitly, and did not have what the client wrote in time.</summary>
    Stale,
}

internal static class RouteReasonNames
{
    public static string Name(this RouteReason reason) => reason switch
    {
        RouteReason.Verb => "verb",
        RouteReason.Attribute => "attribute",
        RouteReason.Block => "block",
        RouteReason.Switch => "switch",
        RouteReason.BeforeRouting => "before-routing",
        RouteReason.NoSlave => "no-slave",
        RouteReason.Fallback => "fallback",
        RouteReason.Scope => "scope",
        RouteReason.Token => "token",
        RouteReason.Stale => "stale",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, message: null),
    };

    public static string Name(this DatabaseRole role) => role == DatabaseRole.Slave ? "slave" : "master";
}
