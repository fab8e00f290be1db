namespace Replicated.NHibernate.Scopes;

/// <summary>
/// Something that works on a scope's connection: a session, a stateless session, a plain connection. All units of one role take part in
/// one transaction. Not thread-safe, like the session inside it.
/// </summary>
internal interface IUnitOfWork
{
    /// <summary>False once the application closed it; then the scope makes another.</summary>
    bool IsUsable { get; }

    /// <summary>Whether there are changes that no statement has carried to the database yet.</summary>
    bool HasPendingChanges { get; }

    /// <summary>Whether it still works on rows of a query, and on the connection that they came from.</summary>
    bool IsReading { get; }

    /// <summary>Whether it hears by itself of the end of a TransactionScope that it has joined.</summary>
    bool HearsOfSystemTransactions => true;

    /// <summary>It is the scope's from now on, and has done nothing yet.</summary>
    void Opened()
    {
    }

    /// <summary>Takes part in the transaction that has begun on the connection.</summary>
    void Begin();

    /// <summary>Writes what is pending; where writing is refused, throws if anything is.</summary>
    ValueTask BeforeCommit(bool async, CancellationToken cancellationToken);

    /// <summary>The transaction has ended.</summary>
    void AfterCompletion(bool committed);

    /// <summary>The scope was rolled back and goes on: what the unit holds must not be part of the next commit.</summary>
    void Forget();

    /// <summary>The scope has ended.</summary>
    void End();
}
