using System.Data.Common;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Settings;

namespace Replicated.NHibernate.Nodes;

/// <summary>Asks one server, on a connection that it keeps, one question at a time.</summary>
internal sealed class NodeProbe(
    Node node, NodeRegistry registry, NodeQuestions questions, SharedAddress shared, DatabaseProvider provider, OptionsSnapshot settings, TimeProvider clock) : IAsyncDisposable
{
    // Connecting for the first time takes what an application's start takes, which is nothing to hold against the server.
    private static readonly TimeSpan FirstPatience = TimeSpan.FromSeconds(5);

    private readonly bool _namesSeveral = node.Role == DatabaseRole.Master && provider.Dialect.SplitHosts(node.ConnectionString).Length > 1;
    private int _round;
    private bool _isChecked;
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

        var timeout = settings.Value.Options.Probe.Timeout;
        var (began, patience) = (clock.GetTimestamp(), timeout < FirstPatience ? FirstPatience : timeout);
        try
        {
            if (_connection is null && ReferenceEquals(node.Health, NodeHealth.Unknown))
            {
                await InTime(Connect, patience, stoppingToken);
            }

            (began, patience) = (clock.GetTimestamp(), timeout);
            await InTime(AskOn, patience, stoppingToken);
            await LookBehind(timeout);
        }
        catch (TimeoutException) when (clock.GetElapsedTime(began) > 2 * patience)
        {
            // This process was late itself: it had no thread to hear an answer with, which is nothing to hold against the server.
        }
        catch (Exception e)
        {
            // Whatever a provider throws: an exception out of here would end the application.
            await DisposeAsync();
            if (!stoppingToken.IsCancellationRequested && provider.Dialect.Classify(new Failure(e, FailurePhase.Open)) != FailureClass.Busy)
            {
                registry.Failed(node, e is OperationCanceledException or TimeoutException
                    ? "it did not answer within Probe:Timeout"
                    : $"it could not be asked ({DatabaseDialect.NameOf(e)}){(provider.Dialect.RemedyOf(e) is { } remedy ? $"; {remedy}" : "")}");
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
    private async Task InTime(Func<CancellationToken, Task> what, TimeSpan patience, CancellationToken stoppingToken)
    {
        var enough = new CancellationTokenSource();
        var asking = what(enough.Token);
        try
        {
            await asking.WaitAsync(patience, clock, stoppingToken);
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
        if (wasAway)
        {
            await DisposeAsync();
        }
        else if (_connection is { } kept)
        {
            try
            {
                await questions.Sample(node, kept, enough);
                return;
            }
            catch (Exception) when (!enough.IsCancellationRequested)
            {
                // That it ended need not mean the server did: a pooler, or an administrator, may end what is idle.
                wasAway = true;
                node.Forget();
                await DisposeAsync();
            }
        }

        _isChecked &= !wasAway;
        await Connect(enough);
        if (wasAway && await WhatFailsTheApplication(enough) is { } failure)
        {
            await DisposeAsync();
            registry.Failed(node, $"it answers, but cannot be connected to with the application's own connection string ({DatabaseDialect.NameOf(failure)})");
            return;
        }

        await questions.Sample(node, _connection!, enough);
    }

    private async Task Connect(CancellationToken enough)
    {
        // Whether a master takes writes shows only in a session that nobody made read-only.
        var connection = provider.Create(provider.Dialect.ProbeConnectionString(node.Role == DatabaseRole.Master ? node.ConnectionString : node.ReadOnlyConnectionString));
        _connection = connection;
        await connection.OpenAsync(enough);
        if (!_isChecked)
        {
            await CheckReadOnlyMode(connection, enough);
            await questions.CheckDirect(node, connection, enough);
            _isChecked = true;
        }
    }

    // Not for long: the pool may be exhausted, which is nothing to hold against the server.
    private async Task<Exception?> WhatFailsTheApplication(CancellationToken enough)
    {
        var trying = questions.PurgeConnections(node, enough);
        return await Task.WhenAny(trying, Task.Delay(settings.Value.Options.Probe.Timeout / 2, clock, enough)) == trying ? await trying : null;
    }

    // What it finds out is of use; that it fails is not.
    private async Task LookBehind(TimeSpan timeout)
    {
        if (_connection is not { } kept)
        {
            return;
        }

        try
        {
            using var enough = new CancellationTokenSource(timeout, clock);
            await shared.Look(node, kept, () => provider.Open(provider.Dialect.ProbeConnectionString(node.ReadOnlyConnectionString), async: true, enough.Token).AsTask(), _round++, enough.Token);
        }
        catch (Exception)
        {
            // The next question tells what is the matter.
        }

        if (_namesSeveral)
        {
            // The next one shows which of them new connections lead to.
            await DisposeAsync();
        }
    }

    private async Task CheckReadOnlyMode(DbConnection connection, CancellationToken enough)
    {
        if (node.Role == DatabaseRole.Slave)
        {
            await questions.CheckReadOnlyMode(node, connection, enough);
        }
        else if (questions.ChecksReadOnlyMode)
        {
            await using var standIn = await provider.Open(provider.Dialect.ProbeConnectionString(node.ReadOnlyConnectionString), async: true, enough);
            await questions.CheckReadOnlyMode(node, standIn, enough);
        }
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
