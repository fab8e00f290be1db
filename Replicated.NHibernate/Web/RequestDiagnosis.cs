using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Web;

/// <summary>Tells a request that has no scope from work that runs outside requests, and says which line is missing.</summary>
internal sealed class RequestDiagnosis(IHttpContextAccessor accessor) : IScopeDiagnosis
{
    private const string NotRun =
        "app.UseReplicatedSessions() has not run for this request: it is missing, or it stands after what asks for a session. The order is "
        + "app.UseRouting(); app.UseReplicatedSessions(); app.UseAuthentication(); app.UseAuthorization(); and UseAuthentication must be "
        + "written out, because WebApplication otherwise runs authentication by itself ahead of everything.";

    private const string Hub =
        "A hub connection's own request has no scope, because it may last for days; each invocation has one. Elsewhere begin one: "
        + "await using var scope = sessions.BeginScope(DatabaseRole.Master); …; await scope.CommitAsync();";

    public string? WhyNoScope() => accessor.HttpContext is { } context ? Why(context) : null;

    public bool IsOfRequest(object container) =>
        accessor.HttpContext is { RequestServices: { } services } && ReferenceEquals(services.GetService<ContainerScope>(), container);

    private static string Why(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<HubMetadata>() is null ? NotRun : Hub;
}
