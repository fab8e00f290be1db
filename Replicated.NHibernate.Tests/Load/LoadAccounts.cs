namespace Replicated.NHibernate.Tests.Load;

internal static class LoadAccounts
{
    /// <summary>Compares the rows on the master, by id, with what the clients were told, and prints both.</summary>
    public static void Settle(LoadRun run, HashSet<Guid> onMaster)
    {
        foreach (var (kind, count) in run.Outcomes.OrderBy(o => o.Key, StringComparer.Ordinal))
        {
            TestContext.Out.WriteLine($"{count,8} {kind}");
        }

        var byOutcome = run.Sent.ToLookup(s => s.Value, s => s.Key);
        var promised = byOutcome["201"].ToHashSet();
        var wentAway = byOutcome["went away"].ToHashSet();
        // The commit is before the result, so what fails in the result is on the master all the same.
        var failedInResult = byOutcome["POST mvc/fail-in-the-result"].ToHashSet();
        TestContext.Out.WriteLine($"{promised.Count} were answered 201; {onMaster.Count} rows are on the master, among them "
            + $"{wentAway.Count(onMaster.Contains)} of {wentAway.Count} whose client went away and {failedInResult.Count(onMaster.Contains)} of {failedInResult.Count} whose result failed after the commit.");

        Assert.That(promised, Is.Not.Empty);
        Assert.That(wentAway, Is.Not.Empty);
        Assert.That(promised.Where(id => !onMaster.Contains(id)), Is.Empty, "answered 201 and not on the master");
        Assert.That(failedInResult.Where(id => !onMaster.Contains(id)), Is.Empty, "committed before the result and not on the master");
        Assert.That(onMaster.Where(id => !promised.Contains(id) && !wentAway.Contains(id) && !failedInResult.Contains(id)), Is.Empty, "on the master without a promise");
    }
}
