using NHibernate;
using NHibernate.Transaction;

namespace Replicated.NHibernate.Sessions;

#pragma warning disable CS0618 // NHibernate's ITransaction still takes the obsolete kind.

/// <summary>What the application registered with a transaction: before may stop the commit, after may not.</summary>
internal sealed class TransactionSynchronizations
{
    private static readonly INHibernateLogger Logger = NHibernateLogger.For(typeof(ReplicatedTransaction));

    private List<object>? _all;

    public void Add(object synchronization)
    {
        ArgumentNullException.ThrowIfNull(synchronization);
        (_all ??= []).Add(synchronization);
    }

    public async ValueTask Before(bool async, CancellationToken cancellationToken)
    {
        for (var i = 0; i < (_all?.Count ?? 0); i++)
        {
            switch (_all![i])
            {
                case ITransactionCompletionSynchronization completion when async:
                    await completion.ExecuteBeforeTransactionCompletionAsync(cancellationToken);
                    break;
                case ITransactionCompletionSynchronization completion:
                    completion.ExecuteBeforeTransactionCompletion();
                    break;
                case ISynchronization synchronization:
                    synchronization.BeforeCompletion();
                    break;
            }
        }
    }

    public void After(bool committed)
    {
        for (var i = 0; i < (_all?.Count ?? 0); i++)
        {
            try
            {
                switch (_all![i])
                {
                    case ITransactionCompletionSynchronization completion:
                        completion.ExecuteAfterTransactionCompletion(committed);
                        break;
                    case ISynchronization synchronization:
                        synchronization.AfterCompletion(committed);
                        break;
                }
            }
            catch (Exception e)
            {
                // As NHibernate's own transaction does: the commit has happened, whatever a listener thinks of it.
                Logger.Error(e, "exception calling user Synchronization");
            }
        }
    }
}
