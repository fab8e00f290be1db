using System.Data;
using System.Data.Common;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes.Balancing;
using Replicated.NHibernate.Positions;
using Replicated.NHibernate.Routing;

namespace Replicated.NHibernate.Nodes;

/// <summary>Which nodes have what a read must see: from memory where they are known to, by one question where none is.</summary>
internal sealed partial class NodePool
{
    // Npgsql empties its pool at the first that is broken; what others hold is as many as their pools do.
    private const int MostInPool = 100;

    /// <summary>How this database tells places in its log; null where it does not.</summary>
    public ReplicationPositions? Positions => topology.Positions;

    public bool AllArePast(Position position) => Array.TrueForAll(Slaves, s => IsPast(s, position));

    /// <summary>Whether the server of an open connection has what a read must see: known, or asked for.</summary>
    public async ValueTask<bool> HasReached(NodeConnection opened, ReadGoal goal, bool async, CancellationToken cancellationToken) =>
        goal.IsNone || (goal.Position is { } position && (IsPast(opened.Node, position) || await Ask(opened, position, async, cancellationToken)));

    /// <summary>Asks an open connection whether its server has what a read must see, and waits for it as long as is configured.</summary>
    public async ValueTask<bool> Ask(NodeConnection opened, Position wanted, bool async, CancellationToken cancellationToken)
    {
        var at = clock.GetUtcNow();
        var options = settings.Value.Options;
        using var wait = ReplicatedActivities.CatchUp(opened.Node.Name);
        using var command = opened.Connection.CreateCommand();
        command.CommandText = Positions!.WaitQuery(wanted, options.AfterWrite.CatchUpWait);
        // A server that hangs does not end the wait by itself.
        command.CommandTimeout = (int)Math.Ceiling((options.AfterWrite.CatchUpWait + options.Probe.Timeout).TotalSeconds);
        await using var reader = async ? await command.ExecuteReaderAsync(cancellationToken) : command.ExecuteReader();
        Note(opened.Node, (async ? await reader.ReadAsync(cancellationToken) : reader.Read()) ? Positions.Read(reader) : null, at);
        var reached = IsPast(opened.Node, wanted);
        wait.CaughtUp(reached);
        return reached;
    }

    /// <summary>Asks a server in the background what it is and how far.</summary>
    public async Task Sample(Node node, DbConnection connection, CancellationToken cancellationToken)
    {
        var (at, asked) = (clock.GetUtcNow(), node.Health);
        await using var command = connection.CreateCommand();
        command.CommandText = Positions!.StatusQuery;
        command.CommandTimeout = (int)Math.Ceiling(settings.Value.Options.Probe.Timeout.TotalSeconds);
        ReplicationStatus? status = null;
        try
        {
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            status = await reader.ReadAsync(cancellationToken) ? Positions.ReadStatus(reader) : null;
        }
        catch (Exception e) when (IsAnswer(e, connection))
        {
            // It is there, and only does not know the question.
            PositionsAreOff(node, e);
        }

        Note(node, status?.Position, at);
        topology.Answered(node, status, asked);
    }

    /// <summary>Takes connections of a server that was away out of the provider's pools until one works, so that no request finds out that they broke.</summary>
    public async Task DropWhatBroke(Node node, CancellationToken cancellationToken)
    {
        foreach (var connectionString in node.Pools())
        {
            for (var attempt = 0; attempt < MostInPool; attempt++)
            {
                try
                {
                    await using var connection = await provider.Open(connectionString, async: true, cancellationToken);
                    if (await Works(connection, cancellationToken))
                    {
                        break;
                    }
                }
                catch (Exception)
                {
                    // It could not be opened, which says nothing of those that wait in the pool.
                    break;
                }
            }
        }
    }

    private async Task<bool> Works(DbConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            await using var command = connection.CreateCommand();
            command.CommandText = Positions!.StatusQuery;
            await command.ExecuteScalarAsync(cancellationToken);
            return true;
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            // A server that only does not know the question leaves it open.
            return connection.State == ConnectionState.Open;
        }
    }

    private static Node Picked(ILoadBalancingPolicy policy, ReadCandidates candidates, ReadGoal goal)
    {
        var index = goal.Client == 0 ? policy.Pick(candidates) : Rendezvous.Pick(candidates.Nodes, candidates.Weights, goal.Client);
        return (uint)index < (uint)candidates.Count
            ? candidates.Nodes[index]
            : throw new InvalidOperationException($"The load balancing policy '{policy.Name}' picked {index} of {candidates.Count} candidates: Pick must return an index of one of them.");
    }

    private (Node Node, bool IsKnown) Pick(Choice choice, ReadCandidates left, ReadGoal goal) =>
        goal.IsNone ? (Picked(choice.Policy, left, goal), true) : PickPast(choice, left, goal);

    // Apart, because what it captures would be allocated for unmarked reads too.
    private (Node Node, bool IsKnown) PickPast(Choice choice, ReadCandidates left, ReadGoal goal)
    {
        var past = goal.Position is { } position ? left.Without(n => !IsPast(n, position)) : left.Without(static n => n.Role == DatabaseRole.Slave);
        return past.Count > 0 ? (Picked(choice.Policy, past, goal), true) : (Picked(choice.Policy, Furthest(left), goal), false);
    }

    // Those most likely to have it soon.
    private static ReadCandidates Furthest(ReadCandidates candidates)
    {
        // Read once each: the sampler writes them meanwhile.
        var places = Array.ConvertAll(candidates.Nodes.ToArray(), PlaceOf);
        var furthest = places.Max();
        return candidates.At([.. Enumerable.Range(0, places.Length).Where(i => places[i] == furthest)]);
    }

    private static (UInt128 Log, ulong Offset) PlaceOf(Node node) => node.Reading is { Position: var position } ? (position.Log, position.Offset) : default;

    /// <summary>The one question. Where the answer is no, the connection is given back unless it is kept all the same.</summary>
    private async ValueTask<bool> HasCaughtUp(NodeConnection opened, ReadGoal goal, bool keep, bool async, CancellationToken cancellationToken)
    {
        try
        {
            if (goal.Position is { } position && await Ask(opened, position, async, cancellationToken))
            {
                return true;
            }
        }
        catch (Exception e) when (IsFailure(e) && !cancellationToken.IsCancellationRequested)
        {
            // What the server itself answers stays with the question.
            if (!IsAnswer(e, opened.Connection))
            {
                await Close(opened, async);
                throw new QuestionFailedException(e);
            }

            PositionsAreOff(opened.Node, e);
        }
        catch
        {
            await Close(opened, async);
            throw;
        }

        if (!keep)
        {
            await Close(opened, async);
        }

        return false;
    }

    private bool IsAnswer(Exception e, DbConnection connection) =>
        provider.Dialect.Classify(new Failure(e, FailurePhase.Question, connection.State == ConnectionState.Open)) switch
        {
            FailureClass.PositionsOff => true,
            FailureClass.Statement => e is DbException { SqlState: not null },
            _ => false,
        };

    // A conflict with what the slave replays, or a limit of time, says nothing for longer than this question.
    private void PositionsAreOff(Node node, Exception e)
    {
        if (provider.Dialect.Classify(new Failure(e, FailurePhase.Question, IsOpen: true)) == FailureClass.PositionsOff && node.IsFirstWithoutPositions())
        {
            _logger.PositionsOff(node.Name, DatabaseDialect.NameOf(e));
        }
    }

    private bool IsPast(Node node, Position position) =>
        node.Role == DatabaseRole.Master || (node.Reading is { } reading && Positions?.IsReached(position, reading.Position) == true);

    // Late answers need no care: one that says too little only costs a question.
    private static void Note(Node node, Position? position, DateTimeOffset at) => node.Reading = position is { } now ? new NodeReading(now, at) : null;
}
