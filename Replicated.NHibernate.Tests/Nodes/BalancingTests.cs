using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Nodes.Balancing;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Nodes;

[Promise(8)]
internal sealed class BalancingTests
{
    private const int Picks = 100_000;

    private static IEnumerable<ILoadBalancingPolicy> Policies => [new RandomPolicy(), new RoundRobinPolicy(), new PowerOfTwoChoicesPolicy()];

    private static IEnumerable<int[]> Weights => [[1], [1, 1], [1, 2, 7], [100, 50, 25, 25]];

    [Test]
    public void Each_node_gets_its_weights_share([ValueSource(nameof(Policies))] ILoadBalancingPolicy policy, [ValueSource(nameof(Weights))] int[] weights)
    {
        var counts = Pick(policy, Nodes(weights.Length), weights);
        Assert.That(counts, Is.EqualTo(Shares(weights)).Within(5).Percent);
    }

    [Test]
    public void Round_robin_serves_each_weight_exactly_in_every_round()
    {
        var (policy, nodes, weights) = (new RoundRobinPolicy(), Nodes(3), new[] { 1, 2, 3 });
        int[] picked = [.. Enumerable.Range(0, 12).Select(_ => policy.Pick(new(nodes, weights)))];
        Assert.That(picked, Is.EqualTo(new[] { 0, 1, 1, 2, 2, 2, 0, 1, 1, 2, 2, 2 }));
    }

    [Test]
    public void Of_two_choices_the_one_with_less_in_use_is_taken()
    {
        var nodes = Nodes(2);
        nodes[0].Enter();
        var counts = Pick(new PowerOfTwoChoicesPolicy(), nodes, [1, 1]);
        // The busy one is left with the draws that name it twice.
        Assert.That(counts, Is.EqualTo(new[] { Picks / 4, 3 * Picks / 4 }).Within(5).Percent);
    }

    [Test]
    public void What_is_in_use_counts_for_its_weight()
    {
        var nodes = Nodes(2);
        nodes[0].Enter();
        nodes[0].Enter();
        nodes[1].Enter();
        // Two in use at weight 3 are less than one at weight 1: the light one is left with the draws that name it twice.
        var counts = Pick(new PowerOfTwoChoicesPolicy(), nodes, [3, 1]);
        Assert.That(counts, Is.EqualTo(new[] { 15 * Picks / 16, Picks / 16 }).Within(5).Percent);
    }

    [Test]
    public void Two_choices_fill_the_nodes_by_weight()
    {
        var (policy, nodes, weights) = (new PowerOfTwoChoicesPolicy(), Nodes(3), new[] { 1, 2, 7 });
        for (var i = 0; i < Picks; i++)
        {
            nodes[policy.Pick(new(nodes, weights))].Enter();
        }

        Assert.That(nodes.Select(n => n.InUse), Is.EqualTo(Shares(weights)).Within(5).Percent);
    }

    [Test]
    public void Parallel_picks_of_round_robin_serve_each_weight_exactly()
    {
        var (policy, candidates, counts) = (new RoundRobinPolicy(), new ReadCandidates(Nodes(2), [1, 3]), new int[2]);
        Parallel.For(0, Picks, _ => Interlocked.Increment(ref counts[policy.Pick(candidates)]));
        Assert.That(counts, Is.EqualTo(new[] { Picks / 4, 3 * Picks / 4 }));
    }

    [Test]
    public void Candidates_keep_their_weights_when_one_is_taken_away()
    {
        var (slaves, master) = (Nodes(3), NewNode("master", DatabaseRole.Master, 1));
        var all = ReadCandidates.Of(slaves).With(master, 50);
        var without = all.Without(slaves[1]);
        Assert.Multiple(() =>
        {
            Assert.That(all.Nodes.ToArray(), Is.EqualTo(new[] { slaves[0], slaves[1], slaves[2], master }));
            Assert.That(all.Weights.ToArray(), Is.EqualTo(new[] { 1, 2, 3, 50 }));
            Assert.That(without.Nodes.ToArray(), Is.EqualTo(new[] { slaves[0], slaves[2], master }));
            Assert.That(without.Weights.ToArray(), Is.EqualTo(new[] { 1, 3, 50 }));
        });
    }

    [Test]
    public void Candidates_that_lose_nothing_are_not_copied()
    {
        var all = ReadCandidates.Of(Nodes(2));
        Assert.That(all.Without(_ => false), Is.SameAs(all));
    }

    [Test]
    public void Each_ticket_falls_on_the_index_whose_weight_it_is_of()
    {
        var candidates = new ReadCandidates(Nodes(3), [1, 2, 3]);
        Assert.That(Enumerable.Range(0, candidates.TotalWeight).Select(candidates.IndexOf), Is.EqualTo(new[] { 0, 1, 1, 2, 2, 2 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => candidates.IndexOf(6));
        Assert.Throws<ArgumentOutOfRangeException>(() => candidates.IndexOf(-1));
    }

    [Test]
    public void Of_four_slaves_one_lost_the_others_take_a_third_each([ValueSource(nameof(Policies))] ILoadBalancingPolicy policy)
    {
        var slaves = Nodes(4);
        var left = new ReadCandidates(slaves, [1, 1, 1, 1]).Without(slaves[2]);
        var counts = new int[3];
        for (var i = 0; i < Picks; i++)
        {
            counts[policy.Pick(left)]++;
        }

        TestContext.Out.WriteLine($"{policy.Name}: {string.Join(", ", counts)} of {Picks}");
        Assert.That(counts, Is.All.EqualTo(Picks / 3).Within(5).Percent);
    }

    [Test, Promise(17)]
    public void Choosing_among_fifty_allocates_nothing([ValueSource(nameof(Policies))] ILoadBalancingPolicy policy)
    {
        var candidates = ReadCandidates.Of(Nodes(50));
        for (var i = 0; i < 1_000; i++)
        {
            policy.Pick(candidates);
        }

        var bytes = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Picks; i++)
        {
            policy.Pick(candidates);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - bytes, Is.Zero);
    }

    private static int[] Pick(ILoadBalancingPolicy policy, Node[] nodes, int[] weights)
    {
        var (candidates, counts) = (new ReadCandidates(nodes, weights), new int[nodes.Length]);
        for (var i = 0; i < Picks; i++)
        {
            counts[policy.Pick(candidates)]++;
        }

        return counts;
    }

    private static int[] Shares(int[] weights) => [.. weights.Select(w => Picks / weights.Sum() * w)];

    private static Node[] Nodes(int count) => [.. Enumerable.Range(1, count).Select(i => NewNode($"s{i}", DatabaseRole.Slave, i))];

    private static Node NewNode(string name, DatabaseRole role, int weight) => new(name, role, weight, "", "");
}
