using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Nodes.Balancing;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Nodes;

/// <summary>The same slave for the same client.</summary>
[Promise(16)]
internal sealed class RendezvousTests
{
    private const int Clients = 100_000;

    [Test]
    public void A_client_has_the_same_node_in_whatever_order_they_are_listed()
    {
        Node[] nodes = [New("a"), New("b"), New("c")];
        Node[] turned = [nodes[2], nodes[0], nodes[1]];
        for (var client = 1UL; client < 1000; client++)
        {
            Assert.That(turned[Rendezvous.Pick(turned, [1, 1, 1], client)], Is.SameAs(nodes[Rendezvous.Pick(nodes, [1, 1, 1], client)]));
        }
    }

    [Test]
    public void When_a_node_goes_only_its_own_clients_move_and_they_spread()
    {
        Node[] four = [New("a"), New("b"), New("c"), New("d")];
        var three = four[..3];
        var moved = new int[3];
        for (var client = 1UL; client <= Clients; client++)
        {
            var (before, after) = (Rendezvous.Pick(four, [1, 1, 1, 1], client), Rendezvous.Pick(three, [1, 1, 1], client));
            if (before < 3)
            {
                Assert.That(after, Is.EqualTo(before));
            }
            else
            {
                moved[after]++;
            }
        }

        Assert.That(moved, Is.All.EqualTo(Clients / 12).Within(5).Percent);
    }

    [Test]
    public void Weights_count()
    {
        Node[] nodes = [New("a"), New("b")];
        var heavy = Enumerable.Range(1, Clients).Count(client => Rendezvous.Pick(nodes, [1, 3], (ulong)client) == 1);
        Assert.That(heavy, Is.EqualTo(Clients * 3 / 4).Within(2).Percent);
    }

    // So that two application servers agree.
    [TestCase("slave-1", ExpectedResult = 16061021394820857311UL)]
    public ulong The_hash_of_a_name_is_always_the_same(string name) => Rendezvous.HashOf(name);

    private static Node New(string name) => new(name, DatabaseRole.Slave, 1, "", "");
}
