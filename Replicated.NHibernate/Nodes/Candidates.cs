namespace Replicated.NHibernate.Nodes;

/// <summary>Nodes that a read may go to, with their weights; immutable.</summary>
internal sealed class Candidates
{
    private readonly Node[] _nodes;
    private readonly int[] _weights;

    private Candidates(Node[] nodes, int[] weights) => (_nodes, _weights) = (nodes, weights);

    public ReadOnlySpan<Node> Nodes => _nodes;

    public ReadOnlySpan<int> Weights => _weights;

    public int Count => _nodes.Length;

    public bool HasSlave => Array.Exists(_nodes, static n => n.Role == DatabaseRole.Slave);

    public static Candidates Of(Node[] slaves) => new(slaves, [.. slaves.Select(s => s.Weight)]);

    public Candidates With(Node node, int weight) => new([.. _nodes, node], [.. _weights, weight]);

    public Candidates Without(Node node) => Without(n => ReferenceEquals(n, node));

    /// <summary>Itself, without allocating, where nothing is taken away. Each node is judged once: what is known of it may change at any time.</summary>
    public Candidates Without(Predicate<Node> unwanted)
    {
        var first = Array.FindIndex(_nodes, unwanted);
        if (first < 0)
        {
            return this;
        }

        var kept = Enumerable.Range(0, first).Concat(Enumerable.Range(first + 1, _nodes.Length - first - 1).Where(i => !unwanted(_nodes[i])));
        return At([.. kept]);
    }

    public Candidates At(int[] indexes) => new(Array.ConvertAll(indexes, i => _nodes[i]), Array.ConvertAll(indexes, i => _weights[i]));
}
