namespace Replicated.NHibernate;

/// <summary>
/// The master could not be connected to, and this work needs it: it writes, or no slave could serve it. Reads that slaves can serve go on meanwhile.
/// <c>UseReplicatedSessions</c> answers 503 with <c>Retry-After</c> where nothing inside it handles this. The inner exception is the provider's.
/// </summary>
public sealed class MasterUnavailableException : Exception
{
    /// <summary>Creates the exception with the library's default message.</summary>
    public MasterUnavailableException()
        : this("The master is not available.")
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What could not be reached, and what to do.</param>
    public MasterUnavailableException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What could not be reached, and what to do.</param>
    /// <param name="innerException">What the provider said.</param>
    public MasterUnavailableException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    internal static MasterUnavailableException ForWriting(Exception failure, bool isBusy) => new(
        isBusy ? "The master is busy: it, or this application's pool, has no connection left. Nothing was written. Try again, hold connections for a shorter time, or raise Maximum Pool Size or the server's max_connections."
        : "The master could not be connected to, and this work needs it. Nothing was written. Bring the master back; after a failover, ConnectionStrings:Master must lead to the new one "
        + "(with Npgsql: Host=db1,db2;Target Session Attributes=primary).",
        failure);

    internal static MasterUnavailableException Former(string why) => new(
        $"The server that ConnectionStrings:Master leads to is out of use: {why}. Nothing was written. Let ConnectionStrings:Master lead to the new master (with Npgsql: Host=db1,db2;Target Session Attributes=primary), "
        + "and rebuild the former one as a slave.");

    internal static MasterUnavailableException ReadOnly(Exception failure) => new(
        "The master refused a write, because its transactions are read-only: default_transaction_read_only is on for the server, the database or the user, or the server follows another one. "
        + "Nothing was written. Switch it off, or let ConnectionStrings:Master lead to the server that takes writes.",
        failure);

    internal static MasterUnavailableException ForReading(Exception failure, List<Exception> slaves) => new(
        "No slave could serve this read, and the master, which was to stand in, could not be connected to either. Bring one of them back.",
        slaves.Count == 0 ? failure : new AggregateException([failure, .. slaves]));
}
