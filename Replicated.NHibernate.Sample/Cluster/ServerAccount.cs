using System.Diagnostics;

namespace Replicated.NHibernate.Sample.Cluster;

/// <summary>Who runs the server programs: they refuse to run as root, so root hands them to another user.</summary>
internal sealed class ServerAccount
{
    private readonly string[] _prefix;
    private readonly string? _owner;

    private ServerAccount(string[] prefix, string? owner) => (_prefix, _owner) = (prefix, owner);

    internal static ServerAccount Find()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return new ServerAccount([], owner: null);
        }

        var accounts = File.ReadLines("/etc/passwd").Select(line => line.Split(':')).Where(fields => fields is ["postgres" or "nobody", _, _, _, ..]);
        var account = accounts.MaxBy(fields => fields[0], StringComparer.Ordinal)
            ?? throw new InvalidOperationException("PostgreSQL refuses to run as root, and this machine has neither a user 'postgres' nor 'nobody' to run it.");
        var (user, group) = (account[2], account[3]);
        return new ServerAccount(["setpriv", "--reuid", user, "--regid", group, "--clear-groups", "--"], $"{user}:{group}");
    }

    internal async Task GiveAsync(string folder, CancellationToken cancellationToken)
    {
        if (_owner is not null)
        {
            await Command.RunAsync(Start(folder, ["chown", _owner, folder]), cancellationToken);
        }
    }

    internal ProcessStartInfo StartAsServer(string folder, params string[] command) => Start(folder, [.. _prefix, .. command]);

    private static ProcessStartInfo Start(string folder, string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            // The server's user may not be allowed into ours.
            WorkingDirectory = folder,
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // Nobody's PGHOST, PGDATA or PGOPTIONS, and English messages.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("PG", StringComparison.Ordinal)).ToArray())
        {
            start.Environment.Remove(name);
        }

        start.Environment["LC_ALL"] = "C";
        start.Environment["HOME"] = folder;
        return start;
    }
}
