using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate;

/// <summary>A session was asked to write after its request's commit or rollback: nobody would commit it any more. Nothing was written.</summary>
public sealed class WriteAfterCompletionException : WriteExceptionBase
{
    /// <summary>Creates the exception with the library's default message.</summary>
    public WriteAfterCompletionException()
        : this("A write after the commit would be lost.")
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What was attempted, where, and what to do.</param>
    public WriteAfterCompletionException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What was attempted, where, and what to do.</param>
    /// <param name="innerException">The cause, if there is one.</param>
    public WriteAfterCompletionException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    internal static WriteAfterCompletionException Of(string what, OperationName work, Exception? inner = null) =>
        new(ScopeErrors.WriteAfterCompletion(work, $"{char.ToUpperInvariant(what[0])}{what[1..]} was attempted"), inner);
}
