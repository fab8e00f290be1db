using System.Globalization;

namespace Replicated.NHibernate.Web.Status;

/// <summary>The state of all servers in one or two sentences, and how bad it is.</summary>
internal static class StatusSummary
{
    public static (string Level, string Text) Of(ReplicatedStatus status)
    {
        var master = status.Nodes.First(n => n.Role == "master");
        NodeStatus[] slaves = [.. status.Nodes.Where(n => n.Role == "slave")];
        NodeStatus[] unused = [.. status.Nodes.Where(n => !n.IsUsed)];
        var names = string.Join(", ", unused.Select(n => $"{n.Name} is {n.State}"));
        if (slaves.Length == 0)
        {
            return ("warn", "No slave (read replica) is configured: the master answers every request, and nobody asks it in the background.");
        }

        if (!master.IsUsed)
        {
            return ("bad", $"The master cannot be used: {names}. Writes fail. Reads go on where a slave can be used.");
        }

        if (!Array.Exists(slaves, s => s.IsUsed))
        {
            return ("bad", string.Create(CultureInfo.InvariantCulture, $"No slave can be used: {names}. The master takes their reads, at most {status.Fallbacks.MaxActive} at a time."));
        }

        if (unused.Length > 0)
        {
            return ("warn", $"{names}. The other servers can be used.");
        }

        string[] unknown = [.. status.Nodes.Where(n => n.State == "unknown").Select(n => n.Name)];
        return unknown.Length == 0 ? ("good", "Every server can be used.")
            : status.Settings.PositionsAreKnown ? ("warn", $"Nothing is known of {string.Join(", ", unknown)}. It is used all the same.")
            : ("warn", "This database does not tell how far a slave is, so nobody asks in the background: a state is only what requests have found.");
    }
}
