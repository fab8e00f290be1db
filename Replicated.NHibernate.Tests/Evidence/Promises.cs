namespace Replicated.NHibernate.Tests.Evidence;

/// <summary>What the library promises, in short; the numbers are the mission's.</summary>
internal static class Promises
{
    private static readonly string[] Texts =
    [
        "GET and HEAD use a slave, every other verb the master; the set of read-only verbs is configurable",
        "`[UseMaster]` on an action, controller, page, hub or minimal endpoint: always the master",
        "`[UseSlave]`: always a slave, also on POST, also right after a write, never the master; none left is an error",
        "`AutoReadOnSlave=false` sends everything to the master but explicit choices; it flips while the application runs",
        "Configured the standard way: the connection string that is there is the master, one more is the slave",
        "The choice is made once for a request: never two slaves, no transaction over two servers",
        "A code block puts a stretch of code on a slave, or on the master, and gives the former session back; blocks nest",
        "Several slaves: one is chosen once per request, at its first statement; the master may take a share",
        "At the end every session is disposed and nothing ambient is left, also after an exception, an abort, a forgotten task",
        "GET after POST: who wrote reads what they wrote, across requests, exactly as long as needed",
        "Works outside HTTP: hosted services, jobs, consoles, tests",
        "A session on a slave never writes, whatever path the write takes; the error names the action and the remedy",
        "Slaves may die, lag, come back, be promoted; requests do not fail for it",
        "The second-level cache and the query cache are never filled with stale rows",
        "Every choice says why: log, metric, trace, response header on request",
        "A session of reads never goes back in time, on request",
        "Costs nothing that a user would notice, measured against a hand-written session per request",
    ];

    public static IEnumerable<(int Number, string Text)> All => Texts.Select((text, index) => (index + 1, text));
}
