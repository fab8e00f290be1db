namespace Replicated.NHibernate;

/// <summary>
/// No slave could serve a read, and the master may not: because a slave was asked for explicitly, or because the master already
/// takes over as many reads as <c>MaxFallbackSessions</c> allows. <c>UseReplicatedSessions</c> answers 503 with <c>Retry-After</c>
/// where nothing inside it handles this.
/// </summary>
public sealed class SlavesUnavailableException : Exception
{
    /// <summary>Creates the exception with the library's default message.</summary>
    public SlavesUnavailableException()
        : this("No slave is available.")
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What could not be reached, and what to do.</param>
    public SlavesUnavailableException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What could not be reached, and what to do.</param>
    /// <param name="innerException">Why: what the provider said of each slave.</param>
    public SlavesUnavailableException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    internal static SlavesUnavailableException NoneUsable(IEnumerable<string> states, List<Exception> failures) => new(
        $"None of the slaves ({string.Join(", ", states)}) can be used, and this work asked for a slave explicitly, so the master does not take it over. "
        + "Bring a slave back, or remove [UseSlave] so that the verb decides and the master can stand in.",
        Inner(failures));

    internal static SlavesUnavailableException OtherServer(string node) => new(
        $"The address of {node} does not lead to the server any more that this work has read from, and it may not be spread over two. Try again.");

    internal static SlavesUnavailableException CapReached(int most, List<Exception> failures) => new(
        $"No slave can be used that has what the read must see, and the master already takes over {most} reads (Replicated:MaxFallbackSessions). Try again later, or raise the cap.",
        Inner(failures));

    private static Exception? Inner(List<Exception> failures) => failures.Count switch
    {
        0 => null,
        1 => failures[0],
        _ => new AggregateException(failures),
    };
}
