using System.Collections.Concurrent;
using System.Globalization;
using System.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Replicated.NHibernate.Web;

/// <summary>
/// How a gRPC call has ended: HTTP says 200 to all of them. A status that the handler threw stands in grpc-status, among the headers or the trailers; one that it
/// set stands only in the call's feature until the handler has returned. There is no reference to gRPC, so the feature is read by its name.
/// </summary>
internal static class GrpcCall
{
    private const string ContentType = "application/grpc";
    private const string Status = "grpc-status";
    private const string FeatureName = "IServerCallContextFeature";

    private static readonly ConcurrentDictionary<(Type, string), PropertyInfo?> Properties = new();

    public static bool Is(HttpContext context) => context.Request.ContentType?.StartsWith(ContentType, StringComparison.OrdinalIgnoreCase) == true;

    public static bool HasFailed(HttpContext context) => HasToldFailure(context) || StatusOfFeature(context) != 0;

    /// <summary>Whether the answer names a failure already, as it does when a deadline ends the call under its handler's hands.</summary>
    public static bool HasToldFailure(HttpContext context)
    {
        var headers = context.Response.Headers;
        return IsFailure(headers.TryGetValue(Status, out var early) ? early.ToString() : null)
            || IsFailure(context.Features.Get<IHttpResponseTrailersFeature>()?.Trailers is { } trailers && trailers.TryGetValue(Status, out var late) ? late.ToString() : null);
    }

    private static bool IsFailure(string? status) => status is { Length: > 0 } and not "0";

    private static int StatusOfFeature(HttpContext context)
    {
        foreach (var (type, feature) in context.Features)
        {
            if (type.Name == FeatureName)
            {
                var status = Value(Value(Value(feature, "ServerCallContext"), "Status"), "StatusCode");
                return status is null ? 0 : Convert.ToInt32(status, CultureInfo.InvariantCulture);
            }
        }

        return 0;
    }

    private static object? Value(object? of, string name) =>
        of is null ? null : Properties.GetOrAdd((of.GetType(), name), static key => key.Item1.GetProperty(key.Item2))?.GetValue(of);
}
