using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Settings;

namespace Replicated.NHibernate.Nodes;

/// <summary>
/// Asks every server what it is and how far, or only whether it answers where it cannot tell, so that choosing does not have to: one statement for each server and interval, on one connection for each that is not
/// of the application's pool. A server that hangs holds up nobody else's question.
/// </summary>
internal sealed class Prober(NodeRegistry registry, NodePool pool, NodeQuestions questions, OptionsSnapshot settings, TimeProvider clock, ILoggerFactory loggers) : BackgroundService
{
    private readonly SharedAddress _shared = new(registry, questions, loggers.CreateLogger(Log.Category));
    private readonly Lock _lock = new();
    private List<NodeProbe> _probes = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!await IsKnown(stoppingToken))
        {
            return;
        }

        pool.SayWhatIsOff();
        registry.Suspected = node => _ = ProbeOf(node)?.Ask(stoppingToken);
        try
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                _ = Round(stoppingToken);
                // Several instances of an application must not ask all at once for ever.
                var interval = settings.Value.Options.Probe.Interval * (0.9 + (0.1 * Random.Shared.NextDouble()));
                await Task.Delay(interval, clock, stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
        }
        finally
        {
            registry.Suspected = null;
            foreach (var probe in _probes)
            {
                await probe.DisposeAsync();
            }
        }
    }

    // Servers that are down when the application starts say what they are when they are back.
    private async Task<bool> IsKnown(CancellationToken stoppingToken)
    {
        try
        {
            while (registry.Positions is null && !pool.Provider.IsConfirmed)
            {
                await pool.Confirm(stoppingToken);
                if (pool.Provider.IsConfirmed || registry.Slaves.Length == 0)
                {
                    break;
                }

                await Task.Delay(settings.Value.Options.Probe.Interval, clock, stoppingToken);
            }

            return !stoppingToken.IsCancellationRequested;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>What is done once in each interval. Where there is no slave, nothing is chosen, and nobody is asked.</summary>
    public async Task Round(CancellationToken stoppingToken)
    {
        NodeProbe[] gone, left;
        lock (_lock)
        {
            Node[] nodes = registry.Slaves is { Length: > 0 } slaves ? [registry.Master, .. slaves] : [];
            gone = [.. _probes.Where(p => !Array.Exists(nodes, p.IsOf))];
            _probes = [.. nodes.Select(n => _probes.Find(p => p.IsOf(n)) ?? new NodeProbe(n, registry, questions, _shared, pool.Provider, settings, clock))];
            left = [.. _probes];
        }

        await Task.WhenAll([.. gone.Select(p => p.DisposeAsync().AsTask()), .. left.Select(p => p.Ask(stoppingToken))]);
    }

    private NodeProbe? ProbeOf(Node node)
    {
        lock (_lock)
        {
            return _probes.Find(p => p.IsOf(node));
        }
    }
}
