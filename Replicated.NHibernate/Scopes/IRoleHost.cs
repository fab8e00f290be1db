using System.Diagnostics;
using Replicated.NHibernate.Positions;

namespace Replicated.NHibernate.Scopes;

/// <summary>What the connection of a role knows of the scope that it belongs to.</summary>
internal interface IRoleHost
{
    ScopeServices Services { get; }

    OperationName Work { get; }

    /// <summary>What the application's handlers get their services from.</summary>
    IServiceProvider HandlerServices { get; }

    /// <summary>Where somebody traces.</summary>
    Activity? Activity { get; }

    /// <summary>Whether work on the master runs in a transaction without anybody asking for one.</summary>
    bool IsTransactional { get; }

    /// <summary>Whether a transaction that nobody asked for begins only with the first statement that may write: for scopes that may last.</summary>
    bool DefersTransaction { get; }

    /// <summary>Whether what the work reads is to be of one moment.</summary>
    bool WantsSnapshot { get; }

    /// <summary>Whether a statement whose connection was lost may be sent once more.</summary>
    bool MayRepeat { get; }

    /// <summary>Committed or rolled back for good: reading goes on, writing is refused.</summary>
    bool IsSealed { get; }

    /// <summary>Whether the work's verb says that it only reads.</summary>
    bool IsReadOnlyVerb { get; }

    bool IsEnded { get; }

    /// <summary>Goes up with each commit that wrote: a slave that was good enough before may not be any more.</summary>
    int Commits { get; }

    /// <summary>Whether the scope works on the master too.</summary>
    bool UsesMaster { get; }

    /// <summary>Before a read of the slave role: what the master has committed by itself must be seen by it.</summary>
    /// <exception cref="InvalidOperationException">The master's transaction has written, which no slave can show; only where no slave was asked for explicitly.</exception>
    ValueTask TellMastersWrites(bool isExplicit, bool async);

    /// <summary>What the next read must see.</summary>
    ReadGoal Goal { get; }

    /// <exception cref="InvalidOperationException">The request has become something that lasts, such as a WebSocket.</exception>
    void ThrowIfLeft();

    /// <summary>A unit of work of a role, if there is one already.</summary>
    TUnit? Find<TUnit>(DatabaseRole role)
        where TUnit : class, IUnitOfWork;

    /// <summary>A commit wrote; where the place is not known, only time can tell who has it.</summary>
    void NoteCommit(Position? position);

    /// <summary>A place up to which the scope has read.</summary>
    void NoteRead(Position position);
}
