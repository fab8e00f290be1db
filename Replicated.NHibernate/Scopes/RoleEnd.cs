using System.Runtime.ExceptionServices;

namespace Replicated.NHibernate.Scopes;

/// <summary>The end of a role's work: rolled back what was not committed, the units ended, the connection given back.</summary>
internal static class RoleEnd
{
    /// <summary>Nothing, as long as a statement runs: that one sees to the end.</summary>
    public static ValueTask Of(RoleWork work, RoleCompletion completion, bool async)
    {
        if (!work.Gate.TryClose())
        {
            return ValueTask.CompletedTask;
        }

        if (!work.Gate.Refuses || work.Transaction.IsBegun || work.Lease.Opened is not null)
        {
            return End(work, completion, async);
        }

        work.Units.End()?.Throw();
        return ValueTask.CompletedTask;
    }

    private static async ValueTask End(RoleWork work, RoleCompletion completion, bool async)
    {
        ExceptionDispatchInfo? thrown = null;
        try
        {
            // What was committed within a TransactionScope is left to it; what was not takes it along.
            if (!work.IsJoined || work.Writes.HasUncommitted || work.HasPendingChanges)
            {
                await completion.Rollback(async);
            }
        }
        catch (Exception e)
        {
            thrown = ExceptionDispatchInfo.Capture(e);
        }

        var thrownAtEnd = work.Units.End();
        work.Gate.Refuse();
        await work.GiveBack(async);
        (thrown ?? thrownAtEnd)?.Throw();
    }
}
