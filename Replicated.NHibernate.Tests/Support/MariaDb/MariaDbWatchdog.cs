using System.Diagnostics;

namespace Replicated.NHibernate.Tests.Support.MariaDb;

/// <summary>Clears a cluster away when the process that made it is gone without having done so: a shell that waits for the end of a pipe whose other end only this process holds.</summary>
internal sealed class MariaDbWatchdog : IDisposable
{
    private const string Script =
        """
        trap '' INT TERM HUP QUIT
        while read -r _; do :; done
        for file in "$1"/*.pid; do
          read -r pid < "$file" && grep -q "$1" "/proc/$pid/cmdline" && kill -KILL "$pid"
        done
        for _ in 1 2 3 4 5; do rm -rf "$1" && break; sleep 0.5; done
        """;

    private readonly Process _shell;

    public MariaDbWatchdog(string folder) => _shell = Process.Start(new ProcessStartInfo("sh", ["-c", Script, "replicated-watchdog", folder])
    {
        WorkingDirectory = "/",
        UseShellExecute = false,
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    /// <summary>After the cluster has been cleared away.</summary>
    public void Dispose()
    {
        _shell.Kill();
        _shell.WaitForExit();
        _shell.Dispose();
    }
}
