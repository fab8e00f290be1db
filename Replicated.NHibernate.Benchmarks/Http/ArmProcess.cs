using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>An application in a process of its own, so that what it costs is known apart from its clients.</summary>
internal sealed class ArmProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly HttpClient _client = new() { Timeout = Timeout.InfiniteTimeSpan };
    private Task _pages = Task.CompletedTask;
    private readonly Uri _address;

    private ArmProcess(string name, Process process, Uri address) => (Name, _process, _address) = (name, process, address);

    public string Name { get; }

    public IPEndPoint Address => new(IPAddress.Loopback, _address.Port);

    public TimeSpan Cpu
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public static async Task<ArmProcess> StartAsync(string name, Arm arm, string master, string slave)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["serve", arm.Name, master, slave]) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true };
        var process = Process.Start(start)!;
        var address = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"The application '{arm.Name}' did not start.");
        var app = new ArmProcess(name, process, new Uri(address));
        app._pages = Task.WhenAll(Enumerable.Range(0, arm.Pages).Select(_ => app.ReadPageAsync()));
        return app;
    }

    public async Task<double> AllocatedAsync() => double.Parse(await _client.GetStringAsync(new Uri(_address, "/allocated")), CultureInfo.InvariantCulture);

    private async Task ReadPageAsync()
    {
        try
        {
            await using var events = await _client.GetStreamAsync(new Uri(_address, "/replicated/events"));
            await events.CopyToAsync(Stream.Null);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or ObjectDisposedException or OperationCanceledException)
        {
            // It ends with the application.
        }
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _pages;
        // It ends with its input.
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
