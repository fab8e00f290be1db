using System.Diagnostics.CodeAnalysis;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate;

/// <summary>The servers that a read may go to: those that are up, do not lag, and have what the read must see. Immutable; thread-safe.</summary>
[SuppressMessage("Naming", "CA1710:Identifiers should have correct suffix", Justification = "It is what it holds, not a collection to keep.")]
public sealed class ReadCandidates
{
    private readonly Node[] _nodes;
    private readonly int[] _weights;
    private readonly int[] _upTo;

    internal ReadCandidates(Node[] nodes, int[] weights)
    {
        (_nodes, _weights, _upTo) = (nodes, weights, new int[weights.Length]);
        for (var i = 0; i < weights.Length; i++)
        {
            TotalWeight += weights[i];
            _upTo[i] = TotalWeight;
        }

        HasSlave = Array.Exists(nodes, static n => n.Role == DatabaseRole.Slave);
    }

    /// <summary>How many there are: at least one.</summary>
    public int Count => _nodes.Length;

    /// <summary>The sum of their weights.</summary>
    public int TotalWeight { get; }

    internal ReadOnlySpan<Node> Nodes => _nodes;

    internal ReadOnlySpan<int> Weights => _weights;

    internal bool HasSlave { get; }

    /// <summary>One of them.</summary>
    /// <param name="index">0 to <see cref="Count"/> - 1.</param>
    public ReadCandidate this[int index] => new(_nodes[index], _weights[index]);

    /// <summary>The index that a ticket falls on: of all tickets, each index has as many as its weight.</summary>
    /// <param name="ticket">0 to <see cref="TotalWeight"/> - 1.</param>
    /// <returns>An index.</returns>
    public int IndexOf(int ticket)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(ticket);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(ticket, TotalWeight);
        // The first that goes beyond the ticket, without a branch that chance would mispredict.
        var (first, length) = (0, _upTo.Length);
        while (length > 1)
        {
            var half = length >> 1;
            first += _upTo[first + half - 1] <= ticket ? half : 0;
            length -= half;
        }

        return first;
    }

    internal static ReadCandidates Of(IEnumerable<Node> nodes)
    {
        Node[] all = [.. nodes];
        return new(all, Array.ConvertAll(all, static n => n.Weight));
    }

    internal ReadCandidates With(Node node, int weight) => new([.. _nodes, node], [.. _weights, weight]);

    internal ReadCandidates Without(Node node) => Without(n => ReferenceEquals(n, node));

    /// <summary>Itself, without allocating, where nothing is taken away. Each node is judged once: what is known of it may change at any time.</summary>
    internal ReadCandidates Without(Predicate<Node> unwanted)
    {
        var first = Array.FindIndex(_nodes, unwanted);
        if (first < 0)
        {
            return this;
        }

        var kept = Enumerable.Range(0, first).Concat(Enumerable.Range(first + 1, _nodes.Length - first - 1).Where(i => !unwanted(_nodes[i])));
        return At([.. kept]);
    }

    internal ReadCandidates At(int[] indexes) => new(Array.ConvertAll(indexes, i => _nodes[i]), Array.ConvertAll(indexes, i => _weights[i]));
}
