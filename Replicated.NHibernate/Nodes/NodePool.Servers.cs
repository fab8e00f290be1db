using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Nodes;

/// <summary>Whether a connection leads to the server that it is to lead to.</summary>
internal sealed partial class NodePool
{
    private readonly NodeVerifier _verifier = new(registry, questions, provider, clock);
    private readonly SharedAddress _shared = new(registry, questions, loggers.CreateLogger(Log.Category));

    /// <summary>Opens once more on the node that the scope already has, and on the same server.</summary>
    /// <param name="node">The node.</param>
    /// <param name="server">Which server it was, where several stand behind the node's address.</param>
    /// <param name="async">Whether to wait without a thread.</param>
    /// <param name="cancellationToken">Of the caller.</param>
    public async ValueTask<NodeConnection> OpenPinned(Node node, ServerIdentity? server, bool async, CancellationToken cancellationToken)
    {
        try
        {
            return server is null || node.Role == DatabaseRole.Master ? await OpenOne() : await OpenSame(server);
        }
        catch (Exception e) when (IsFailure(e) && !cancellationToken.IsCancellationRequested)
        {
            NotOpened(node, e, "none, because the work has read from it already");
            throw;
        }

        async ValueTask<NodeConnection> OpenOne() =>
            new(await Open(node, DatabaseRole.Slave, async, cancellationToken), node, Reason: null, clock.GetTimestamp());

        // Those that lead elsewhere are kept until the right one is found: a pool would give the same ones again.
        async ValueTask<NodeConnection> OpenSame(ServerIdentity same)
        {
            var others = new List<NodeConnection>();
            try
            {
                while (others.Count < SharedAddress.MostAttempts)
                {
                    var opened = await OpenOne();
                    var met = await ServerOf(opened, async, cancellationToken);
                    if (met?.IsSameServer(same) == true)
                    {
                        return opened with { Server = met };
                    }

                    others.Add(opened);
                }

                throw SlavesUnavailableException.OtherServer(node.Name);
            }
            finally
            {
                foreach (var other in others)
                {
                    await Close(other, async);
                }
            }
        }
    }

    // A connection on which the question fails is given back.
    private async ValueTask<ServerIdentity?> ServerOf(NodeConnection opened, bool async, CancellationToken cancellationToken)
    {
        try
        {
            return await _shared.Ask(opened.Node, opened.Connection, async, cancellationToken);
        }
        catch (Exception e)
        {
            await Close(opened, async);
            if (cancellationToken.IsCancellationRequested)
            {
                throw;
            }

            throw new QuestionFailedException(e);
        }
    }

    // What was found out since the node was picked counts as well.
    private ValueTask<bool> IsWhatItShouldBe(NodeConnection opened, bool async, CancellationToken cancellationToken) =>
        opened.Node.Health is var health && health.IsKnownAt(opened.At)
            ? new(opened.Node == Master ? health.IsReadableAt(opened.At) : health.IsUsableAt(opened.At))
            : IsVerified(opened, async, cancellationToken);

    private async ValueTask<bool> IsVerified(NodeConnection opened, bool async, CancellationToken cancellationToken)
    {
        try
        {
            return await _verifier.MayBeRead(opened.Node, opened.Connection, async, cancellationToken);
        }
        catch (Exception e)
        {
            await Close(opened, async);
            if (cancellationToken.IsCancellationRequested)
            {
                throw;
            }

            throw new QuestionFailedException(e);
        }
    }
}
