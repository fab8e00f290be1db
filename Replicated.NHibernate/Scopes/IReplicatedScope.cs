namespace Replicated.NHibernate;

/// <summary>
/// One unit of work outside a request, from <see cref="IReplicatedSessions.BeginScope"/> or, for a container scope without a request,
/// from the container. Disposing it rolls back what was not committed, with a warning in the log. Not thread-safe.
/// </summary>
public interface IReplicatedScope : IAsyncDisposable, IDisposable
{
    /// <summary>The role of the scope's work outside blocks.</summary>
    DatabaseRole Role { get; }

    /// <summary>Where the scope's work goes, and why; the node is known once a statement has run.</summary>
    Route Route { get; }

    /// <summary>What reads must see: the token that the scope was begun with, or, once it has written, that of its last commit.</summary>
    ConsistencyToken? Token { get; }

    /// <summary>Writes what is pending and commits. Work after it is a new transaction, which needs another commit.</summary>
    /// <param name="cancellationToken">Ends the writing of what is pending; the commit itself is never cancelled.</param>
    /// <returns>A task that is done when the database has committed.</returns>
    /// <exception cref="InvalidOperationException">
    /// A statement of the transaction failed and its error was swallowed, or <see cref="SetRollbackOnly"/> was called before; it was rolled back.
    /// </exception>
    Task CommitAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Rolls back what was not committed, as does a commit that fails. Outside requests the scope's sessions are cleared too, so that work can go on: load
    /// anew what it needs.
    /// </summary>
    /// <returns>A task that is done when the database has rolled back.</returns>
    Task RollbackAsync();

    /// <summary>
    /// Has the work rolled back where it would be committed, without an exception: for a request that answers with a status below <c>RollBackFrom</c> and must not
    /// be saved all the same. May be called by any thread. Outside requests the next <see cref="CommitAsync"/> rolls back and throws, and work after it is a new transaction.
    /// </summary>
    /// <exception cref="InvalidOperationException">The request was committed already.</exception>
    void SetRollbackOnly();
}
