using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Nodes;

/// <summary>Policies of the application's own.</summary>
[Promise(8)]
internal sealed class PolicyTests
{
    private static readonly string[] OnlyLast = ["s2"];

    [Test]
    public async Task One_is_registered_and_named([Values("Last", "Random")] string name)
    {
        var policy = new Own(name, c => c.Count - 1);
        await using var app = new NodesApp(3, s => s.AddSingleton<ILoadBalancingPolicy>(policy), ("Replicated:LoadBalancing", name), ("Replicated:Slaves:2:Weight", "7"));
        Assert.That(await app.Reads(), Is.EqualTo(OnlyLast));
        Assert.That(policy.Seen, Is.EqualTo("s0 Slave 1 0, s1 Slave 1 0, s2 Slave 7 0: 9"));
    }

    [Test]
    public async Task One_is_taken_while_the_application_runs()
    {
        await using var app = new NodesApp(3, s => s.AddSingleton<ILoadBalancingPolicy>(new Own("Last", c => c.Count - 1)));
        var before = await app.Reads(200);
        app.Set(("Replicated:LoadBalancing", "Last"));
        Assert.That((before.Length, await app.Reads()), Is.EqualTo((3, OnlyLast)));
    }

    [Test]
    public async Task One_that_picks_beside_the_candidates_is_named([Values(-1, 2)] int picked)
    {
        await using var app = new NodesApp(2, s => s.AddSingleton<ILoadBalancingPolicy>(new Own("Mine", _ => picked)), ("Replicated:LoadBalancing", "Mine"));
        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(() => app.Reads());
        Assert.That(thrown!.Message, Does.Contain($"'Mine' picked {picked} of 2"));
        Assert.That(app.Slave(0).InUse, Is.Zero);
    }

    [Test]
    public void A_name_that_nobody_has_is_refused_with_all_that_are_known()
    {
        var thrown = Assert.Throws<OptionsValidationException>(() => new NodesApp(1, s => s.AddSingleton<ILoadBalancingPolicy>(new Own("Mine", _ => 0)), ("Replicated:LoadBalancing", "Least")));
        Assert.That(thrown!.Message, Does.Contain("LoadBalancing is 'Least'").And.Contain("PowerOfTwoChoices").And.Contain("RoundRobin").And.Contain("Random").And.Contain("Mine"));
    }

    private sealed class Own(string name, Func<ReadCandidates, int> pick) : ILoadBalancingPolicy
    {
        public string Name => name;

        public string Seen { get; private set; } = "";

        public int Pick(ReadCandidates candidates)
        {
            Seen = string.Join(", ", Enumerable.Range(0, candidates.Count).Select(i => candidates[i]).Select(c => $"{c.Name} {c.Role} {c.Weight} {c.InUse}")) + $": {candidates.TotalWeight}";
            return pick(candidates);
        }
    }
}
