using System.Diagnostics;

namespace Replicated.NHibernate.Sample.Cluster;

/// <summary>
/// Clears a cluster away when the process that made it is gone without having done so, a SIGKILL included: a shell that waits for the
/// end of a pipe whose other end only this process holds.
/// </summary>
internal sealed class Watchdog : IDisposable
{
    private const string Script =
        """
        trap '' INT TERM HUP QUIT
        while read -r _; do :; done
        exec 2>/dev/null >/dev/null
        signal() {
          for file in "$1"/*/postmaster.pid; do
            read -r pid < "$file" && { cat "/proc/$pid/cmdline" || ps -o args= -p "$pid"; } | grep -q "$1" && kill "-$2" "$pid"
          done
        }
        signal "$1" QUIT
        for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do ls "$1"/*/postmaster.pid || break; sleep 0.1; done
        signal "$1" KILL
        for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" && break; sleep 0.5; done
        """;

    private readonly Process _shell;

    internal Watchdog(string folder) => _shell = Process.Start(new ProcessStartInfo("sh", ["-c", Script, "replicated-watchdog", folder])
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
