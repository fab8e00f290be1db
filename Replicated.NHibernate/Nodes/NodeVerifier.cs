using System.Data.Common;
using Replicated.NHibernate.Databases;

namespace Replicated.NHibernate.Nodes;

/// <summary>Asks a server that nobody has asked yet what it is, before a read that was to begin there. Thread-safe.</summary>
internal sealed class NodeVerifier(NodeRegistry registry, NodeQuestions questions, DatabaseProvider provider, TimeProvider clock)
{
    // Longer than a probe waits: where an application has just started, the first connection takes its time.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private Task? _asking;

    /// <summary>Whether the server may be read from, by its own word; <see langword="true"/> where servers do not tell what they are.</summary>
    public async ValueTask<bool> MayBeRead(Node node, DbConnection connection, bool async, CancellationToken cancellationToken)
    {
        if (registry.Positions is not { ClusterQuery: not null })
        {
            return true;
        }

        if (async)
        {
            await Ask(node, connection, cancellationToken);
        }
        else
        {
            Task.Run(() => Ask(node, connection, cancellationToken), CancellationToken.None).GetAwaiter().GetResult();
        }

        return registry.IsUsable(node) || (node == registry.Master && registry.StateOf(node) == NodeState.ReadOnly);
    }

    private async Task Ask(Node node, DbConnection connection, CancellationToken cancellationToken)
    {
        if (registry.StateOf(registry.Master) == NodeState.Unknown && node != registry.Master)
        {
            // A slave is one of this master, or none.
            await AskMaster().WaitAsync(cancellationToken);
        }

        await questions.Sample(node, connection, cancellationToken);
    }

    // One attempt for all that wait for it.
    private Task AskMaster()
    {
        lock (_lock)
        {
            return _asking is { IsCompleted: false } asking ? asking : _asking = Task.Run(Attempt, CancellationToken.None);
        }
    }

    private async Task Attempt()
    {
        var master = registry.Master;
        using var enough = new CancellationTokenSource(Patience, clock);
        try
        {
            await using var connection = await provider.Open(provider.Dialect.ProbeConnectionString(master.ReadOnlyConnectionString), async: true, enough.Token);
            await questions.Sample(master, connection, enough.Token);
        }
        catch (Exception e)
        {
            if (provider.Dialect.Classify(new Failure(e, FailurePhase.Open)) != FailureClass.Busy)
            {
                registry.Failed(master, $"it could not be asked ({DatabaseDialect.NameOf(e)})");
            }
        }
    }
}
