using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Replicated.NHibernate.Routing;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Web;

/// <summary>A request as the owner of a scope. Not thread-safe, like its HttpContext.</summary>
internal sealed partial class RequestScope : IScopeOwner
{
    private readonly RequestScopes _shared;
    private readonly HttpContext _context;
    private RoleDecision _decision;
    private Endpoint? _decidedFor;
    private bool _isDecided;
    private bool _wasEarly;
    private readonly bool _followsError;
    private bool _failed;
    private WorkName? _ended;

    public RequestScope(RequestScopes shared, HttpContext context)
    {
        (_shared, _context) = (shared, context);
        _followsError = context.Features.Get<IExceptionHandlerFeature>() is not null;
        Scope = new Scope(shared.Services, this, ScopeKind.Request);
    }

    /// <summary>The request that runs here, if the middleware began it.</summary>
    public static RequestScope? Current => AmbientScope.Current?.Scope?.Owner as RequestScope;

    public Scope Scope { get; }

    public WorkName Work => _ended ?? new WorkName(_context.Request.Method, _context.GetEndpoint()?.DisplayName);

    public bool IsReadOnlyVerb => _shared.Services.Settings.Value.IsReadOnly(_context.Request.Method);

    public RoleDecision Decide(DatabaseRole? block)
    {
        if (_ended is not null)
        {
            return _decision;
        }

        var endpoint = _context.GetEndpoint();
        if (block is not null)
        {
            return _shared.Decide(_context.Request.Method, endpoint, block);
        }

        // Once for an endpoint: a re-executed pipeline has another one.
        if (_isDecided && ReferenceEquals(endpoint, _decidedFor))
        {
            return _decision;
        }

        var decision = _shared.Decide(_context.Request.Method, endpoint, block: null);
        if (_wasEarly && !decision.IsExplicit)
        {
            decision = _decision;
        }

        (_isDecided, _decidedFor, _decision) = (true, endpoint, decision);
        return decision;
    }

    public void Taken(RoleDecision decision)
    {
        if (decision.Reason == RouteReason.Early && !_wasEarly)
        {
            _wasEarly = true;
            _shared.SayEarly(Work);
        }
    }

    /// <summary>The action threw, even if a filter then made a result of it.</summary>
    public void NoteFailure() => _failed = true;

    /// <summary>The commit point: commits, or rolls back what ended with an error.</summary>
    public ValueTask Complete(int statusCode, bool async)
    {
        if (Scope.IsSealed)
        {
            return ValueTask.CompletedTask;
        }

        // An exception handler inside the scope made an answer of the exception, perhaps one below 500.
        _failed |= !_followsError && _context.Features.Get<IExceptionHandlerFeature>() is not null;

        return _failed || statusCode >= StatusCodes.Status500InternalServerError
            ? Scope.Rollback(async)
            // Not cancelled with the request: what was done for a client is not undone because it went away.
            : Scope.Commit(async, CancellationToken.None);
    }

    public void SetHeader(string name) => _context.Response.Headers[name] = Scope.Route.ToString();

    /// <summary>The server takes its HttpContext back; whoever outlives the request still hears which one it was.</summary>
    public ValueTask End()
    {
        _ended = Work;
        return Scope.DisposeAsync();
    }
}
