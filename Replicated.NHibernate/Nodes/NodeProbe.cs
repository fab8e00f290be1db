using System.Data.Common;
using Replicated.NHibernate.Settings;

namespace Replicated.NHibernate.Nodes;

/// <summary>Asks one server, on a connection that it keeps, one question at a time.</summary>
internal sealed class NodeProbe(Node node, Topology topology, NodePool pool, CurrentSettings settings, TimeProvider clock) : IAsyncDisposable
{
    private DbConnection? _connection;
    private int _asking;

    /// <summary>Whether it is the probe of this server.</summary>
    public bool IsOf(Node other) => ReferenceEquals(node, other);

    /// <summary>Asks, unless the last question is still open.</summary>
    public async Task Ask(CancellationToken stoppingToken)
    {
        if (Interlocked.Exchange(ref _asking, 1) != 0)
        {
            return;
        }

        try
        {
            await AskInTime(stoppingToken);
        }
        catch (Exception e)
        {
            // Whatever a provider throws: an exception out of here would end the application.
            await DisposeAsync();
            if (!stoppingToken.IsCancellationRequested)
            {
                topology.Failed(node, e is OperationCanceledException or TimeoutException
                    ? $"it did not answer within Probe:Timeout"
                    : $"it could not be asked ({NodePool.Reason(e)})");
            }
        }
        finally
        {
            Volatile.Write(ref _asking, 0);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _connection, null) is { } connection)
        {
            await connection.DisposeAsync();
        }
    }

    private async Task AskInTime(CancellationToken stoppingToken)
    {
        using var timeout = new CancellationTokenSource(settings.Value.Options.Probe.Timeout, clock);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, timeout.Token);
        if (_connection is { } kept)
        {
            try
            {
                await pool.Sample(node, kept, deadline.Token);
                return;
            }
            catch (Exception) when (!deadline.IsCancellationRequested)
            {
                // That it ended need not mean the server did: a pooler, or an administrator, may end what is idle.
                await DisposeAsync();
            }
        }

        _connection = pool.Provider.Create(ReadOnlyConnectionString.ForProbes(node.ReadOnlyConnectionString, pool.Provider));
        await _connection.OpenAsync(deadline.Token);
        await pool.Sample(node, _connection, deadline.Token);
    }
}
