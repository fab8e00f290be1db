using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.Abstractions;
using Microsoft.AspNetCore.Mvc.Controllers;
using Microsoft.AspNetCore.Routing;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Web;

/// <summary>What a request is called in messages. Made at the end of each, so it only picks texts that exist.</summary>
internal static class RequestName
{
    public static OperationName Of(HttpContext context)
    {
        var verb = context.Request.Method;
        return context.GetEndpoint() is not { } endpoint ? new OperationName(WorkKind.Request, null, verb)
            : endpoint.Metadata.GetMetadata<ControllerActionDescriptor>() is not null ? new OperationName(WorkKind.Action, endpoint.DisplayName, verb)
            : endpoint.Metadata.GetMetadata<ActionDescriptor>() is not null ? new OperationName(WorkKind.Page, endpoint.DisplayName, verb)
            : GrpcCall.Is(context) ? new OperationName(WorkKind.GrpcMethod, PatternOf(endpoint))
            : new OperationName(WorkKind.Endpoint, PatternOf(endpoint), verb);
    }

    // The display name of a route has its verbs in it again.
    private static string? PatternOf(Endpoint endpoint) => endpoint is RouteEndpoint { RoutePattern.RawText: { Length: > 0 } pattern } ? pattern : endpoint.DisplayName;
}
