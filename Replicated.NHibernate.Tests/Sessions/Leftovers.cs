using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What work that has ended must not leave behind.</summary>
internal static class Leftovers
{
    /// <summary>No connection in use, no server blamed, and both roles still work.</summary>
    public static async Task AreNone(SessionApp app)
    {
        var pool = app.Services.GetRequiredService<NodePool>();
        var nodes = pool.Slaves.Append(pool.Master).ToArray();
        Assert.That(nodes.Select(n => (n.Name, n.InUse)), Is.EqualTo(nodes.Select(n => (n.Name, 0))), "connections that nobody gave back");
        Assert.That(nodes.Select(n => n.Health.State), Has.None.EqualTo(NodeState.Down));
        Assert.That((await app.Get(session => session.Scalar("select pg_is_in_recovery()"))).Ok().Body, Is.EqualTo("True"));
        Assert.That((await app.Post(session => session.Scalar("select pg_is_in_recovery()"))).Ok().Body, Is.EqualTo("False"));
    }
}
