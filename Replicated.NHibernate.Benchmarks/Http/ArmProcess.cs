using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>An application in a process of its own, so that what it costs is known apart from its clients.</summary>
internal sealed class ArmProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly HttpClient _client = new();
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

    public static async Task<ArmProcess> StartAsync(string name, string arm, string master, string slave)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["serve", arm, master, slave]) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true };
        var process = Process.Start(start)!;
        var address = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"The application '{arm}' did not start.");
        return new ArmProcess(name, process, new Uri(address));
    }

    public async Task<double> AllocatedAsync() => double.Parse(await _client.GetStringAsync(new Uri(_address, "/allocated")), CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        // It ends with its input.
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
