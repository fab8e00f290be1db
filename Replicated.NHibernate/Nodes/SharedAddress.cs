using System.Data.Common;
using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Nodes;

/// <summary>
/// An address behind which several servers stand: what one connection finds out says nothing of the next one, so each is asked which server it leads to. Thread-safe.
/// </summary>
internal sealed class SharedAddress(NodeRegistry registry, NodeQuestions questions, ILogger logger)
{
    /// <summary>Until the same server is met again: as many connections as that may take with a few servers.</summary>
    public const int MostAttempts = 16;

    /// <summary>Fresh connections to an address that nobody has asked yet.</summary>
    private const int Fresh = 2;

    /// <summary>A connection to an address may lead elsewhere one day.</summary>
    private const int Rounds = 10;

    /// <summary>Which server a connection leads to; null where it must not be read from.</summary>
    public async ValueTask<ServerIdentity?> Ask(Node node, DbConnection connection, bool async, CancellationToken cancellationToken)
    {
        var status = async ? await questions.Status(node, connection, cancellationToken)
            : Task.Run(() => questions.Status(node, connection, cancellationToken), CancellationToken.None).GetAwaiter().GetResult();
        return status is { Server: { } server } && (status.Value.IsSlave || node.HasMastersAddress) && !(registry.Master.Server is { } master && server.IsOtherCluster(master))
            ? server : null;
    }

    /// <summary>Looks whether fresh connections lead to another server than the one that is kept and still answers.</summary>
    /// <param name="node">A slave.</param>
    /// <param name="kept">The connection that has just answered.</param>
    /// <param name="open">Opens another one.</param>
    /// <param name="round">How often the node was asked before.</param>
    /// <param name="cancellationToken">When it has taken too long.</param>
    public async Task Look(Node node, DbConnection kept, Func<Task<DbConnection>> open, int round, CancellationToken cancellationToken)
    {
        if (node.IsSeveral || node.Role == DatabaseRole.Master || registry.Positions is not { ClusterQuery: not null } || node.Server is not { } first)
        {
            return;
        }

        for (var left = round == 0 ? Fresh : round % Rounds == 1 ? 1 : 0; left > 0; left--)
        {
            await using var fresh = await open();
            if (await questions.Status(node, fresh, cancellationToken) is { Server: { } other } && other.Instance != first.Instance
                && await questions.Status(node, kept, cancellationToken) is { Server: { } still } && still.Instance == first.Instance)
            {
                node.IsSeveral = true;
                logger.SeveralServers(node.Name);
                return;
            }
        }
    }
}
