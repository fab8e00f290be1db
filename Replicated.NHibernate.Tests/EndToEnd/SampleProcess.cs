using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Replicated.NHibernate.Sample.Posts;

namespace Replicated.NHibernate.Tests.EndToEnd;

/// <summary>The sample as a process of its own, on a free port, as a person starts it.</summary>
internal sealed partial class SampleProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = new();
    private readonly TaskCompletionSource<Uri> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SampleProcess(string folder, IReadOnlyDictionary<string, string> environment)
    {
        Folder = folder;
        // A shell's background job, which the tests may be, ignores SIGINT, and so would every process that it starts.
        string[] command = [.. OperatingSystem.IsLinux() ? ["env", "--default-signal=INT"] : Array.Empty<string>(), "dotnet", typeof(IPosts).Assembly.Location];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        // The private servers go into a folder of the test's own, so that the test sees what is left of them.
        start.Environment["TMPDIR"] = folder;
        foreach (var (key, value) in environment)
        {
            start.Environment[key] = value;
        }

        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.OutputDataReceived += (_, line) => Read(line.Data);
        _process.ErrorDataReceived += (_, line) => Read(line.Data);
        _process.Exited += (_, _) => _listening.TrySetException(new InvalidOperationException($"The sample ended: {Output}"));
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Folder { get; }

    public string Output => string.Join(Environment.NewLine, _output);

    /// <summary>Without cookies: every request is somebody else's, who wrote nothing.</summary>
    public HttpClient Client { get; private set; } = null!;

    public static async Task<SampleProcess> StartAsync(params (string Key, string Value)[] environment)
    {
        var folder = Directory.CreateTempSubdirectory("sample-test-").FullName;
        if (!OperatingSystem.IsWindows())
        {
            // The servers run as another user where the tests run as root.
            File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
                | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        }

        var sample = new SampleProcess(folder, environment.ToDictionary(e => e.Key, e => e.Value, StringComparer.Ordinal));
        try
        {
            var address = await sample._listening.Task.WaitAsync(Patience);
            sample.Client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = address };
            return sample;
        }
        catch
        {
            await sample.DisposeAsync();
            throw;
        }
    }

    /// <summary>Sends a signal and waits until the process has ended.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> End(PosixSignal signal)
    {
        if (Kill(_process.Id, signal == PosixSignal.SIGINT ? 2 : 15) != 0)
        {
            throw new InvalidOperationException("The signal could not be sent.");
        }

        using var deadline = new CancellationTokenSource(Patience);
        await _process.WaitForExitAsync(deadline.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        if (!_process.HasExited)
        {
            await End(PosixSignal.SIGTERM);
        }

        _process.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private void Read(string? line)
    {
        if (line is null)
        {
            return;
        }

        _output.Enqueue(line);
        const string listening = "Now listening on: ";
        if (line.IndexOf(listening, StringComparison.Ordinal) is var at and >= 0)
        {
            _listening.TrySetResult(new Uri(line[(at + listening.Length)..].Trim()));
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
