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

    /// <summary>Itself, without allocating, where nothing is taken away.</summary>
    public Candidates Without(Predicate<Node> unwanted)
    {
        if (!Array.Exists(_nodes, unwanted))
        {
            return this;
        }

        var kept = _nodes.Index().Where(x => !unwanted(x.Item)).ToArray();
        return new Candidates([.. kept.Select(x => x.Item)], [.. kept.Select(x => _weights[x.Index])]);
    }
}
