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
    /// <param name="remedy">What to do.</param>
    /// <param name="inner">What the database said.</param>
    internal static SlaveWriteException Of(string what, WriteLayer layer, string where, string remedy, Exception? inner = null) => new(
        $"{char.ToUpperInvariant(what[0])}{what[1..]} was refused on {where}, because a slave never writes. Nothing was written. {remedy}"
        + (layer == WriteLayer.Flush ? Unmeant : ""),
        inner)
    {
        Layer = layer,
    };

    internal static SlaveWriteException OutsideRouting(string what, WriteLayer layer, Exception? inner = null) =>
        Of(what, layer, "a session opened on the slave's factory", "Open it on the master's factory.", inner);

    // Of a change that only the flush saw.
    private const string Unmeant =
        " Where nobody meant to change it, NHibernate takes it for changed: a NULL that was read into a property which cannot hold one, or a user type whose Equals does not compare values. "
        + "Mend the mapping, or see Replicated:ChangesOnSlave.";
}
