using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Settings;

namespace Replicated.NHibernate.Nodes;

/// <summary>Whether a master that is believed to be down answers all the same: one attempt, for everybody who needs to know. Thread-safe.</summary>
internal sealed class MasterAttempt(NodeRegistry registry, DatabaseProvider provider, OptionsSnapshot settings, TimeProvider clock)
{
    // Longer than a probe waits: a master that is slow still has what the client wrote.
    private static readonly TimeSpan MasterPatience = TimeSpan.FromSeconds(5);

    private readonly Lock _attempting = new();
    private Task<bool>? _attempt;
    private long _attemptedAt;

    public async ValueTask<bool> Answers(bool async, CancellationToken cancellationToken)
    {
        Task<bool> attempt;
        lock (_attempting)
        {
            if (_attempt is null || (_attempt.IsCompleted && clock.GetElapsedTime(_attemptedAt) > settings.Value.Options.Probe.Interval))
            {
                // The caller that began it may go away; the others still wait for it.
                _attempt = Task.Run(Try, CancellationToken.None);
            }

            attempt = _attempt;
        }

        return async ? await attempt.WaitAsync(cancellationToken) : attempt.GetAwaiter().GetResult();
    }

    /// <summary>A caller that finds out by opening it has found out for everybody.</summary>
    public void Failed()
    {
        lock (_attempting)
        {
            if (_attempt is not { IsCompleted: false })
            {
                _attempt = Task.FromResult(false);
                Volatile.Write(ref _attemptedAt, clock.GetTimestamp());
            }
        }
    }

    private async Task<bool> Try()
    {
        using var enough = new CancellationTokenSource(MasterPatience, clock);
        try
        {
            await using var connection = await provider.Open(registry.Master.ReadOnlyConnectionString, async: true, enough.Token);
            await using var command = connection.CreateCommand();
            command.CommandText = registry.Positions?.MasterQuery ?? "select 1";
            await command.ExecuteScalarAsync(enough.Token);
            return true;
        }
        catch (Exception e)
        {
            // One that has no connection left is there, and the caller is told so when it opens its own.
            return provider.Dialect.Classify(new Failure(e, FailurePhase.Open, IsCancelled: enough.IsCancellationRequested)) == FailureClass.Busy;
        }
        finally
        {
            Volatile.Write(ref _attemptedAt, clock.GetTimestamp());
        }
    }
}
