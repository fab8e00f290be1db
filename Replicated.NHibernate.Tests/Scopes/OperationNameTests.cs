using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Tests.Scopes;

/// <summary>What work is called, and where its remedy belongs.</summary>
internal sealed class OperationNameTests
{
    [TestCase(WorkKind.Action, "Action GET x", "[UseMaster] on the action")]
    [TestCase(WorkKind.Page, "Page GET x", "[UseMaster] on the page's model")]
    [TestCase(WorkKind.Endpoint, "Endpoint GET x", "[UseMaster] on the endpoint's handler")]
    [TestCase(WorkKind.GrpcMethod, "gRPC method GET x", "[UseMaster] on the gRPC method")]
    [TestCase(WorkKind.HubMethod, "Hub method GET x", "[UseMaster] on the hub method")]
    public void Work_of_a_client_is_told_where_the_attribute_belongs(object kind, string name, string remedy)
    {
        var work = new OperationName((WorkKind)kind, "x", "GET");
        Assert.That((work.ToString(), work.ForMaster), Is.EqualTo((name, $"Put {remedy}, or wrap the code in using (sessions.UseMaster()) {{ … }} and use GetCurrentSession() there.")));
    }

    [TestCase(WorkKind.Scope, "A scope begun by BeginScope", "BeginScope(DatabaseRole.Master)")]
    [TestCase(WorkKind.ContainerScope, "A container scope without a request", "outside UseSlave()")]
    public void Work_outside_requests_is_told_of_no_attribute(object kind, string name, string remedy)
    {
        var work = new OperationName((WorkKind)kind);
        Assert.That(work.ToString(), Is.EqualTo(name));
        Assert.That(work.ForMaster, Does.Contain(remedy).And.Not.Contain("[UseMaster]"));
    }
}
