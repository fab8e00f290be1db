using System.Runtime.InteropServices;

namespace Replicated.NHibernate.Databases;

/// <summary>Whose fault a failure is, and so what it counts against.</summary>
internal enum FailureClass
{
    /// <summary>The application's: its statement, or something that nobody knows better.</summary>
    Statement,

    /// <summary>Nobody answered: counts against the server.</summary>
    Unreachable,

    /// <summary>A connection that worked is gone. Somebody may have ended just that one, so the server is asked.</summary>
    ConnectionLost,

    /// <summary>The pool, or the server, has no connection left. It works.</summary>
    Busy,

    /// <summary>The server answers, but not to this user or for this database.</summary>
    RefusedUs,

    /// <summary>The server works, and may not or cannot tell how far it is.</summary>
    PositionsOff,

    /// <summary>A slave ended the statement because of what it replays.</summary>
    Conflict,

    /// <summary>This side ended it: cancelled, or idle for too long.</summary>
    EndedByUs,
}

/// <summary>What was being done when it failed.</summary>
internal enum FailurePhase
{
    /// <summary>Getting a connection.</summary>
    Open,

    /// <summary>A statement of the library's own.</summary>
    Question,

    /// <summary>A statement of the application's.</summary>
    Statement,
}

/// <summary>A failure, with what is needed to tell its class.</summary>
/// <param name="Error">What was thrown.</param>
/// <param name="Phase">What was being done.</param>
/// <param name="IsOpen">Whether the connection is open after it.</param>
/// <param name="IsCancelled">Whether our own token was cancelled.</param>
/// <param name="OnSlave">Whether the server is a slave.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Failure(Exception Error, FailurePhase Phase, bool IsOpen = false, bool IsCancelled = false, bool OnSlave = false)
{
    /// <summary>The exception and all that it was thrown for; several hosts are tried under one.</summary>
    public IEnumerable<Exception> Chain => Unfolded(Error);

    /// <summary>Whether the server itself said what is wrong: a connection that ends without a word may have been ended by the statement.</summary>
    public bool IsToldByServer => Chain.Any(static e => e is System.Data.Common.DbException { SqlState: not null });

    public bool Has<T>()
        where T : Exception => Chain.Any(static e => e is T);

    /// <summary>Whether one of the messages says so, where a provider tells it in no other way.</summary>
    public bool Says(string text) => Chain.Any(e => e.Message.Contains(text, StringComparison.OrdinalIgnoreCase));

    private static IEnumerable<Exception> Unfolded(Exception error) => error switch
    {
        AggregateException several => several.InnerExceptions.SelectMany(Unfolded).Prepend(several),
        { InnerException: { } inner } => Unfolded(inner).Prepend(error),
        _ => [error],
    };
}
