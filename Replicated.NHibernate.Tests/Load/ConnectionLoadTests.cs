using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Load;

internal sealed class ConnectionLoadTests
{
    [Test, Promise(9)]
    public async Task Ten_thousand_requests_leave_nothing_behind_and_every_201_is_on_the_master()
    {
        var run = new LoadRun(UnitOfWork.Connection, 10_000);
        LoadAccounts.Settle(run, await run.Run());
    }
}
