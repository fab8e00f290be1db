using System.Runtime.ExceptionServices;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Replicated.NHibernate.Routing;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Web;

/// <summary>A request as the owner of a scope. Not thread-safe, like its HttpContext.</summary>
internal sealed partial class RequestScope : IScopeOwner
{
    public const string RouteHeader = "Replicated-Route";
    private readonly RequestScopes _shared;
    private readonly HttpContext _context;
    private RoleDecision _decision;
    private Endpoint? _decidedFor;
    private bool _isDecided, _wasEarly;
    private bool _failed;
    private bool _tellsRoute;
    private object? _handled;
    private int _revision;
    private OperationName? _ended;

    public RequestScope(RequestScopes shared, HttpContext context)
    {
        (_shared, _context) = (shared, context);
        (_handled, _revision) = (context.Features[typeof(IExceptionHandlerFeature)], context.Features.Revision);
        Scope = new Scope(shared.Services, this, ScopeKind.Request);
    }

    /// <summary>The scope of a request, if the middleware began one: not that of another application's request, which this one was called by.</summary>
    public static RequestScope? Of(HttpContext context) =>
        AmbientScope.Current?.Scope?.Owner is RequestScope request
        && ReferenceEquals(request._context.Features, context.Features) ? request : null;

    public Scope Scope { get; }

    public OperationName Work => _ended ?? RequestName.Of(_context);

    public IServiceProvider? Services => _ended is null ? _context.RequestServices : null;

    public bool IsReadOnlyVerb => _shared.Services.Settings.Value.IsReadOnly(_context.Request.Method);

    public bool WantsSnapshot => _ended is null && _context.GetEndpoint() is { } endpoint && EndpointSnapshots.Of(endpoint);

    public bool MayRepeat => _ended is null && EndpointRepeats.AreAllowed(_context.GetEndpoint());

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
        if (decision.Reason == RouteReason.BeforeRouting && !_wasEarly)
        {
            _wasEarly = true;
            _shared.SayEarly(Work);
        }
    }

    /// <summary>An exception handler inside the scope caught what the first run threw, and now runs its error page here.</summary>
    public bool IsReExecuted()
    {
        // Looked for only after something was set: this is asked with every session and at the commit point.
        if (_context.Features.Revision == _revision)
        {
            return false;
        }

        _revision = _context.Features.Revision;
        var handled = _context.Features[typeof(IExceptionHandlerFeature)];
        if (ReferenceEquals(handled, _handled))
        {
            return false;
        }

        _handled = handled;
        (_isDecided, _wasEarly, _failed, _isOpen, _failedCommit) = (false, false, false, false, null);
        return true;
    }

    /// <summary>The action threw, even if a filter then made a result of it.</summary>
    public void NoteFailure() => _failed = true;

    /// <summary>The commit point: commits, or rolls back what ended with an error.</summary>
    public async ValueTask Complete(int statusCode, bool async)
    {
        if (IsReExecuted())
        {
            await Scope.StartOver(async);
        }

        if (Scope.IsSealed)
        {
            return;
        }

        try
        {
            // Not cancelled with the request: what was done for a client is not undone because it went away.
            await (RequestOutcome.IsCommitted(_context, statusCode, _failed, _shared.Services.Settings.Value.Options.RollBackFrom)
                ? Scope.Commit(async, CancellationToken.None)
                : Scope.Rollback(async));
        }
        catch (FailedStatementException) when (RequestOutcome.Stands(statusCode))
        {
            // Rolled back by then; the application has said itself that something failed.
        }
        catch (Exception e)
        {
            RequestOutcome.RefuseSuccess(_context);
            _failedCommit = ExceptionDispatchInfo.Capture(e);
            _writer?.Discard();
            throw;
        }
    }

    /// <summary>Has the answer say which route its request took.</summary>
    public void TellRoute()
    {
        _tellsRoute = true;
        _context.Response.OnStarting(static state => ((RequestScope)state).SetHeader(), this);
    }

    /// <summary>The server takes its HttpContext back; whoever outlives the request still hears which one it was.</summary>
    public ValueTask End()
    {
        if (_tellsRoute && !_isDecided)
        {
            _decision = _shared.Decide(_context.Request.Method, _context.GetEndpoint(), block: null);
        }

        _ended = Work;
        return Scope.DisposeAsync();
    }

    private Task SetHeader()
    {
        // An answer that was executed again has the header of its second run, which comes here first.
        if (!_context.Response.Headers.ContainsKey(RouteHeader))
        {
            _context.Response.Headers[RouteHeader] = Scope.Route.ToString();
        }

        return Task.CompletedTask;
    }
}
