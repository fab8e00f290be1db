using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate;

/// <summary>
/// A session of the slave role was asked to write. Nothing was written, on no server. The message names what was attempted, the node, the
/// action and the remedy.
/// </summary>
public sealed class SlaveWriteException : WriteExceptionBase
{
    /// <summary>Creates the exception with the library's default message.</summary>
    public SlaveWriteException()
        : this("A session on a slave cannot write.")
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What was attempted, where, and what to do.</param>
    public SlaveWriteException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What was attempted, where, and what to do.</param>
    /// <param name="innerException">What the database said, where it was the one that refused.</param>
    public SlaveWriteException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Who refused.</summary>
    internal WriteLayer Layer { get; private init; }

    /// <param name="what">What was attempted.</param>
    /// <param name="layer">Who refused.</param>
    /// <param name="where">The session, its work and its node.</param>
    /// <param name="inner">What the database said.</param>
    internal static SlaveWriteException Of(string what, WriteLayer layer, string where, Exception? inner = null) => new(
        $"{char.ToUpperInvariant(what[0])}{what[1..]} was refused on {where}, because a slave never writes. Nothing was written. "
        + "Put [UseMaster] on the action, or wrap the code in using (sessions.UseMaster()) { … } and use GetCurrentSession() there.",
        inner)
    {
        Layer = layer,
    };

    internal const string OutsideRouting = "a session opened on the slave's factory";
}
