using Microsoft.AspNetCore.Http;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Routing;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Web;

/// <summary>What all requests of an application share, the decision among it. Thread-safe.</summary>
internal sealed class RequestScopes(ScopeServices services, IEnumerable<IClosedSessionDetector> closedSessions)
{
    private readonly IClosedSessionDetector[] _closedSessions = [.. closedSessions];
    private int _saidEarly;
    private int _saidLate;

    public ScopeServices Services { get; } = services;

    /// <summary>The role of a request: one function for filters, sessions asked for earlier and endpoints of every kind.</summary>
    public RoleDecision Decide(string method, Endpoint? endpoint, DatabaseRole? block)
    {
        var settings = Services.Settings.Value;
        return RoleDecision.Of(new RoleQuestion(
            block,
            endpoint is null ? null : EndpointRoles.Of(endpoint),
            EndpointKnown: endpoint is not null,
            settings.IsReadOnly(method),
            settings.AutoReadOnSlave,
            Services.HasSlaves));
    }

    public bool IsClosedSession(Exception exception) => Array.Exists(_closedSessions, c => c.IsClosedSession(exception));

    public void SayEarly(OperationName work)
    {
        if (Interlocked.Exchange(ref _saidEarly, 1) == 0)
        {
            Services.Logger.AskedEarly(work.ToString());
        }
    }

    public void SayPlacedBeforeRouting()
    {
        if (_saidLate == 0 && Interlocked.Exchange(ref _saidLate, 1) == 0)
        {
            Services.Logger.PlacedBeforeRouting();
        }
    }
}
