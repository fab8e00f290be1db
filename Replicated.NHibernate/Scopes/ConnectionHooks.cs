using System.Data.Common;

namespace Replicated.NHibernate.Scopes;

/// <summary>A handler of the application's for connections that have been opened; one of the two ways to run it is there.</summary>
internal sealed record ConnectionOpenedHandler(Action<ConnectionOpenedContext>? Run, Func<ConnectionOpenedContext, CancellationToken, Task>? RunAsync);

/// <summary>What the application does with every connection that a scope takes. Thread-safe.</summary>
internal sealed class ConnectionHooks(IEnumerable<ConnectionOpenedHandler> handlers)
{
    private readonly ConnectionOpenedHandler[] _handlers = [.. handlers];

    public bool Any => _handlers.Length > 0;

    public async ValueTask Opened(DbConnection connection, IRoleHost host, DatabaseRole role, string node, bool async, CancellationToken cancellationToken)
    {
        var context = new ConnectionOpenedContext(connection, role, node, host.HandlerServices);
        foreach (var handler in _handlers)
        {
            if (handler.Run is { } run)
            {
                run(context);
            }
            else if (async)
            {
                await handler.RunAsync!(context, cancellationToken);
            }
            else
            {
                handler.RunAsync!(context, cancellationToken).GetAwaiter().GetResult();
            }
        }
    }
}
