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
    /// <summary>How this database tells places in its log; null where it does not.</summary>
    public ReplicationPositions? Positions => registry.Positions;

    public bool AllArePast(Position position) => Array.TrueForAll(Slaves, s => IsPast(s, position));

    /// <summary>Whether a server at one place has everything up to another that the master still has.</summary>
    public bool IsReached(Position wanted, Position replayed) => registry.IsReached(wanted, replayed);

    /// <summary>A commit told where the master's log is.</summary>
    public void Committed(Position place) => registry.Committed(place);

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
        command.CommandText = Positions!.WaitQuery(wanted, options.ReadYourWrites.WaitTimeout);
        // A server that hangs does not end the wait by itself.
        command.CommandTimeout = (int)Math.Ceiling((options.ReadYourWrites.WaitTimeout + options.Probe.Timeout).TotalSeconds);
        await using var reader = async ? await command.ExecuteReaderAsync(cancellationToken) : command.ExecuteReader();
        var said = (async ? await reader.ReadAsync(cancellationToken) : reader.Read()) ? Positions.Read(reader) : null;
        opened.Node.Note(said, at);
        var reached = said is { } place && registry.IsReached(wanted, opened.Node.Known(place));
        wait.CaughtUp(reached);
        return reached;
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

    // Apart, because what it captures would be allocated for untokened reads too.
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

    private static (UInt128 Log, ulong Offset) PlaceOf(Node node) => node.Reading is not { Position: var position } ? default
        : position.Logs == 1 ? (position.Log, position.Offset) : (0, position.Places.Aggregate(0UL, static (sum, place) => sum + place.Offset));

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
            if (!questions.IsAnswer(e, opened.Connection))
            {
                await Close(opened, async);
                throw new QuestionFailedException(e);
            }

            questions.PositionsAreOff(opened.Node, e);
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

    private bool IsPast(Node node, Position position) =>
        node.Role == DatabaseRole.Master || (node is { IsSeveral: false, Reading: { } reading } && registry.IsReached(position, reading.Position));
}
