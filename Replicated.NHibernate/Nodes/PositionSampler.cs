using System.Data.Common;
using Microsoft.Extensions.Hosting;
using Replicated.NHibernate.Settings;

namespace Replicated.NHibernate.Nodes;

/// <summary>
/// Asks every server how far it is, so that choosing does not have to: one statement for each server and interval, on a connection that it keeps,
/// and only as long as a client may still be waiting for its write.
/// </summary>
internal sealed class PositionSampler(NodePool pool, CurrentSettings settings, TimeProvider clock) : BackgroundService
{
    private readonly Dictionary<Node, DbConnection> _connections = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (pool.Positions is null || !pool.HasSlaves)
        {
            return;
        }

        using var timer = new PeriodicTimer(settings.Value.Options.Probe.Interval, clock);
        try
        {
            do
            {
                timer.Period = settings.Value.Options.Probe.Interval;
                if (!pool.HasMarks)
                {
                    await Rest();
                    // At once and not with the next tick: until then reads would ask whichever slave comes first.
                    await pool.Marked(stoppingToken);
                }

                await Round(stoppingToken);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            await Rest();
        }
    }

    /// <summary>What is done once in each interval.</summary>
    public Task Round(CancellationToken stoppingToken) =>
        pool.HasMarks ? Task.WhenAll([Sample(pool.Master, stoppingToken), .. pool.Slaves.Select(s => Sample(s, stoppingToken))]) : Rest();

    private async Task Sample(Node node, CancellationToken stoppingToken)
    {
        using var timeout = new CancellationTokenSource(settings.Value.Options.Probe.Timeout, clock);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, timeout.Token);
        try
        {
            await pool.Sample(node, await Connection(node, deadline.Token), deadline.Token);
        }
        catch (Exception)
        {
            // Whatever a provider throws: an exception out of here would end the application. What it was before may not hold any
            // more; a read that needs to know asks.
            node.Reading = null;
            await Drop(node);
        }
    }

    private async Task<DbConnection> Connection(Node node, CancellationToken cancellationToken)
    {
        DbConnection? connection;
        lock (_connections)
        {
            _connections.TryGetValue(node, out connection);
        }

        if (connection is null)
        {
            connection = pool.Provider.Create(ReadOnlyConnectionString.ForProbes(node.ReadOnlyConnectionString, pool.Provider));
            lock (_connections)
            {
                _connections[node] = connection;
            }

            await connection.OpenAsync(cancellationToken);
        }

        return connection;
    }

    private async Task Drop(Node node)
    {
        DbConnection? connection;
        lock (_connections)
        {
            _connections.Remove(node, out connection);
        }

        if (connection is not null)
        {
            await connection.DisposeAsync();
        }
    }

    private async Task Rest()
    {
        foreach (var node in pool.Slaves.Append(pool.Master))
        {
            await Drop(node);
        }
    }
}
