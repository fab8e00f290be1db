using System.Diagnostics;
using System.Globalization;

namespace Replicated.NHibernate.Sample.Cluster;

/// <summary>One data folder and the process that serves it.</summary>
internal sealed class PostgresServer(string folder, string name, PostgresBinaries binaries, ServerAccount account)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // A session of its own, so that Ctrl+C in a terminal reaches the program that made the cluster and not the servers behind its back.
    private const string Detached = """if command -v setsid >/dev/null; then set -- setsid "$@"; fi; exec "$@" >>"$0" 2>&1 </dev/null""";

    private readonly string _log = Path.Combine(folder, name + ".log");
    private Process? _process;

    internal string Data { get; } = Path.Combine(folder, name);

    internal bool IsRunning => _process is { HasExited: false };

    internal int? ProcessId => IsRunning ? _process!.Id : null;

    /// <summary>False where another process has taken the port.</summary>
    internal async Task<bool> TryStartAsync(int port, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Patience);
        try
        {
            while (true)
            {
                var logged = File.Exists(_log) ? new FileInfo(_log).Length : 0;
                if (await StartOnceAsync(port, deadline.Token))
                {
                    return true;
                }

                var said = await SaidSinceAsync(logged);
                if (said.Contains("could not create any TCP/IP sockets", StringComparison.Ordinal))
                {
                    return false;
                }

                // The children of a server that was killed outlive it for a moment.
                if (!said.Contains("is still in use", StringComparison.Ordinal))
                {
                    throw new InvalidOperationException($"PostgreSQL '{name}' did not start:\n{said}");
                }

                await Task.Delay(20, deadline.Token);
            }
        }
        catch (OperationCanceledException late) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"PostgreSQL '{name}' was not ready after {Patience.TotalSeconds} s:\n{await SaidSinceAsync(0)}", late);
        }
    }

    internal async Task StopAsync(CancellationToken cancellationToken)
    {
        if (!IsRunning)
        {
            return;
        }

        Libc.Signal(_process!.Id, Libc.Interrupt);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Patience);
        try
        {
            await _process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException late) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"PostgreSQL '{name}' did not stop within {Patience.TotalSeconds} s:\n{await SaidSinceAsync(0)}", late);
        }
    }

    internal async Task KillAsync()
    {
        if (IsRunning)
        {
            KillAtOnce();
            _process!.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }
    }

    /// <summary>At once and for good: the data will not be read again.</summary>
    internal void Abandon()
    {
        if (IsRunning)
        {
            Libc.Signal(_process!.Id, Libc.Quit);
            if (!_process.WaitForExit(TimeSpan.FromSeconds(5)))
            {
                _process.Kill(entireProcessTree: true);
                _process.WaitForExit();
            }
        }

        // A killed server leaves its lock file, and the small segment of System V shared memory that the file names in line 7.
        if (PidFile() is { Length: > 6 } lines && lines[6].Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var id]
            && int.TryParse(id, CultureInfo.InvariantCulture, out var segment))
        {
            Libc.RemoveSharedMemory(segment);
        }

        _process?.Dispose();
        _process = null;
    }

    // Killed one after the other, the last would have time to finish what they do, or to tell their clients why they end.
    private void KillAtOnce()
    {
        var pid = _process!.Id.ToString(CultureInfo.InvariantCulture);
        var children = Path.Combine("/proc", pid, "task", pid, "children");
        if (File.Exists(children))
        {
            Libc.Signal(_process.Id, Libc.Stop);
            foreach (var child in File.ReadAllText(children).Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                Libc.Signal(int.Parse(child, CultureInfo.InvariantCulture), Libc.Kill);
            }
        }
    }

    private async Task<bool> StartOnceAsync(int port, CancellationToken cancellationToken)
    {
        _process?.Dispose();
        _process = Process.Start(account.StartAsServer(folder, "sh", "-c", Detached, _log, binaries.Postgres, "-D", Data,
            "-c", string.Create(CultureInfo.InvariantCulture, $"port={port}"), "-c", "cluster_name=" + name))!;
        while (!_process.HasExited)
        {
            if (PidFile() is { Length: > 7 } lines && lines[0] == _process.Id.ToString(CultureInfo.InvariantCulture) && lines[7].Trim() == "ready")
            {
                return true;
            }

            await Task.Delay(5, cancellationToken);
        }

        return false;
    }

    private string[]? PidFile()
    {
        try
        {
            return File.ReadAllLines(Path.Combine(Data, "postmaster.pid"));
        }
        catch (IOException)
        {
            return null; // not there yet, or no longer
        }
    }

    private async Task<string> SaidSinceAsync(long position)
    {
        await using var log = new FileStream(_log, FileMode.OpenOrCreate, FileAccess.Read, FileShare.ReadWrite);
        log.Position = position;
        using var reader = new StreamReader(log);
        return await reader.ReadToEndAsync();
    }
}
