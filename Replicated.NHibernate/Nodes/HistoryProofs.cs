using System.Data.Common;
using Replicated.NHibernate.Databases;

namespace Replicated.NHibernate.Nodes;

/// <summary>
/// Whether a slave follows the log of its master, where it may not tell: after a promotion an ordinary user sees the new timeline only with the next restart point. Thread-safe.
/// </summary>
internal sealed class HistoryProofs(NodeRegistry registry, DatabaseProvider provider, TimeProvider clock)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private Task<HistoryProof?>? _proof;
    private UInt128 _log;

    /// <summary>Asks a slave that names an older log than its master's, until it is known what it follows.</summary>
    public async Task Check(Node slave, Position place, DbConnection connection, CancellationToken cancellationToken)
    {
        if (registry.MasterLog is not { } log || place.Log >= log || slave.ProvenLog >= log || slave.OtherLogThan == log
            || await Of(log).WaitAsync(cancellationToken) is not { } proof)
        {
            return;
        }

        try
        {
            switch (await proof.IsOn(connection, cancellationToken))
            {
                case true:
                    slave.ProvenLog = log;
                    break;
                case false:
                    slave.OtherLogThan = log;
                    break;
            }
        }
        catch (DbException) when (connection.State == System.Data.ConnectionState.Open)
        {
            // It has not heard of it yet.
        }
    }

    // One for each log and application; one that could not be written is tried again with the next question.
    private Task<HistoryProof?> Of(UInt128 log)
    {
        lock (_lock)
        {
            if (_proof is null || _log != log || (_proof.IsCompleted && (!_proof.IsCompletedSuccessfully || _proof.Result is null)))
            {
                (_log, _proof) = (log, Task.Run(() => Write(log), CancellationToken.None));
            }

            return _proof;
        }
    }

    private async Task<HistoryProof?> Write(UInt128 log)
    {
        using var enough = new CancellationTokenSource(Patience, clock);
        try
        {
            var master = provider.Dialect.ProbeConnectionString(registry.Master.ReadOnlyConnectionString);
            await using var connection = await provider.Open(master, async: true, enough.Token);
            return await LogOf(connection, enough.Token) == log ? await provider.Dialect.WriteProof(connection, enough.Token) : null;
        }
        catch (Exception)
        {
            // The prober finds out what is the matter with the master.
            return null;
        }
    }

    private async Task<UInt128?> LogOf(DbConnection connection, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = registry.Positions!.MasterQuery;
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken) ? registry.Positions.Read(reader)?.Log : null;
    }
}
