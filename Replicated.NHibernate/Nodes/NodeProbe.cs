using System.Data.Common;
using Replicated.NHibernate.Databases;
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

        var began = clock.GetTimestamp();
        try
        {
            await AskInTime(stoppingToken);
        }
        catch (TimeoutException) when (clock.GetElapsedTime(began) > 2 * settings.Value.Options.Probe.Timeout)
        {
            // This process was late itself: it had no thread to hear an answer with, which is nothing to hold against the server.
        }
        catch (Exception e)
        {
            // Whatever a provider throws: an exception out of here would end the application.
            await DisposeAsync();
            if (!stoppingToken.IsCancellationRequested && pool.Provider.Dialect.Classify(new Failure(e, FailurePhase.Open)) != FailureClass.Busy)
            {
                topology.Failed(node, e is OperationCanceledException or TimeoutException
                    ? "it did not answer within Probe:Timeout"
                    : $"it could not be asked ({DatabaseDialect.NameOf(e)})");
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

    // The provider gets a token of its own: what its callbacks throw when it is cancelled must reach neither a timer nor the application's stop.
    private async Task AskInTime(CancellationToken stoppingToken)
    {
        var enough = new CancellationTokenSource();
        var asking = AskOn(enough.Token);
        try
        {
            await asking.WaitAsync(settings.Value.Options.Probe.Timeout, clock, stoppingToken);
        }
        catch (Exception) when (!asking.IsCompleted)
        {
            _ = Abandon(asking, Interlocked.Exchange(ref _connection, null), enough);
            throw;
        }
    }

    private async Task AskOn(CancellationToken enough)
    {
        var wasAway = node.Health.State == NodeState.Down;
        if (_connection is { } kept)
        {
            try
            {
                await pool.Sample(node, kept, enough);
                return;
            }
            catch (Exception) when (!enough.IsCancellationRequested)
            {
                // That it ended need not mean the server did: a pooler, or an administrator, may end what is idle.
                wasAway = true;
                await DisposeAsync();
            }
        }

        var connection = pool.Provider.Create(pool.Provider.Dialect.ProbeConnectionString(node.ReadOnlyConnectionString));
        _connection = connection;
        await connection.OpenAsync(enough);
        await pool.CheckReadOnlyMode(node, connection, enough);
        await pool.CheckDirect(node, connection, enough);
        if (wasAway)
        {
            // Not for long: the pool may be exhausted, which is nothing to hold against the server.
            await Task.WhenAny(pool.DropWhatBroke(node, enough), Task.Delay(settings.Value.Options.Probe.Timeout / 2, clock, enough));
        }

        await pool.Sample(node, connection, enough);
    }

    private static async Task Abandon(Task asking, DbConnection? connection, CancellationTokenSource enough)
    {
        try
        {
            await enough.CancelAsync();
            await asking;
        }
        catch (Exception)
        {
            // Nobody waits for it any more.
        }
        finally
        {
            connection?.Dispose();
        }
    }
}
