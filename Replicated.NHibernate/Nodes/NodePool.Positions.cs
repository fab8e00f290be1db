using System.Data.Common;
using Replicated.NHibernate.Nodes.Balancing;
using Replicated.NHibernate.Positions;
using Replicated.NHibernate.Routing;

namespace Replicated.NHibernate.Nodes;

/// <summary>Which nodes have what a read must see: from memory where they are known to, by one question where none is.</summary>
internal sealed partial class NodePool
{
    private long _marksUntil;
    private TaskCompletionSource? _marked;

    /// <summary>How this database tells places in its log; null where it does not.</summary>
    public ReplicationPositions? Positions { get; }

    /// <summary>Whether any client may still have to be told where its write is: otherwise nobody needs to ask the servers.</summary>
    public bool HasMarks => _clock.GetTimestamp() < Volatile.Read(ref _marksUntil);

    /// <summary>A client wrote, or came back with a mark.</summary>
    public void MarkSeen()
    {
        Volatile.Write(ref _marksUntil, _clock.GetTimestamp() + (long)(_settings.Value.Options.AfterWrite.MaxAge.TotalSeconds * _clock.TimestampFrequency));
        if (Volatile.Read(ref _marked) is not null)
        {
            Interlocked.Exchange(ref _marked, null)?.TrySetResult();
        }
    }

    /// <summary>Until somebody has a mark. For one who waits.</summary>
    public Task Marked(CancellationToken cancellationToken)
    {
        var marked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Interlocked.Exchange(ref _marked, marked);
        return HasMarks ? Task.CompletedTask : marked.Task.WaitAsync(cancellationToken);
    }

    public bool AllArePast(Position position) => Array.TrueForAll(Slaves, s => IsPast(s, position));

    /// <summary>Whether the server of an open connection has what a read must see: known, or asked for.</summary>
    public async ValueTask<bool> HasReached(NodeConnection opened, ReadGoal goal, bool async, CancellationToken cancellationToken) =>
        goal.IsNone || (goal.Position is { } position && (IsPast(opened.Node, position) || await Ask(opened, position, async, cancellationToken)));

    /// <summary>Asks an open connection whether its server has what a read must see, and waits for it as long as is configured.</summary>
    public async ValueTask<bool> Ask(NodeConnection opened, Position wanted, bool async, CancellationToken cancellationToken)
    {
        var at = _clock.GetUtcNow();
        var options = _settings.Value.Options;
        using var command = opened.Connection.CreateCommand();
        command.CommandText = Positions!.WaitQuery(wanted, options.AfterWrite.CatchUpWait);
        // A server that hangs does not end the wait by itself.
        command.CommandTimeout = (int)Math.Ceiling((options.AfterWrite.CatchUpWait + options.Probe.Timeout).TotalSeconds);
        await using var reader = async ? await command.ExecuteReaderAsync(cancellationToken) : command.ExecuteReader();
        Note(opened.Node, (async ? await reader.ReadAsync(cancellationToken) : reader.Read()) ? Positions.Read(reader) : null, at);
        return IsPast(opened.Node, wanted);
    }

    /// <summary>Asks a server in the background.</summary>
    public async Task Sample(Node node, DbConnection connection, CancellationToken cancellationToken)
    {
        var at = _clock.GetUtcNow();
        await using var command = connection.CreateCommand();
        command.CommandText = node.Role == DatabaseRole.Master ? Positions!.MasterQuery : Positions!.SlaveQuery;
        command.CommandTimeout = (int)Math.Ceiling(_settings.Value.Options.Probe.Timeout.TotalSeconds);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        Note(node, await reader.ReadAsync(cancellationToken) ? Positions.Read(reader) : null, at);
    }

    private static Node Picked(ILoadBalancingPolicy policy, Candidates candidates, ReadGoal goal) =>
        candidates.Nodes[goal.Client == 0 ? policy.Pick(candidates.Nodes, candidates.Weights) : Rendezvous.Pick(candidates.Nodes, candidates.Weights, goal.Client)];

    private (Node Node, bool IsKnown) Pick(Choice choice, Candidates left, ReadGoal goal) =>
        goal.IsNone ? (Picked(choice.Policy, left, goal), true) : PickPast(choice, left, goal);

    // Apart, because what it captures would be allocated for unmarked reads too.
    private (Node Node, bool IsKnown) PickPast(Choice choice, Candidates left, ReadGoal goal)
    {
        var past = goal.Position is { } position ? left.Without(n => !IsPast(n, position)) : left.Without(static n => n.Role == DatabaseRole.Slave);
        return past.Count > 0 ? (Picked(choice.Policy, past, goal), true) : (Picked(choice.Policy, Furthest(left), goal), false);
    }

    // Those most likely to have it soon.
    private static Candidates Furthest(Candidates candidates)
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
        node.Role == DatabaseRole.Master || (node.Reading is { } reading && Positions?.IsReached(position, reading.Position) == true);

    // Late answers need no care: one that says too little only costs a question.
    private static void Note(Node node, Position? position, DateTimeOffset at) => node.Reading = position is { } now ? new NodeReading(now, at) : null;
}
