using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Abstractions;
using Microsoft.AspNetCore.Http.Features;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>A server without a wire: the caller runs the whole pipeline on its own thread.</summary>
internal sealed class MemoryServer : IServer
{
    private Action<MemoryExchange>? _process;

    public IFeatureCollection Features { get; } = new FeatureCollection();

    /// <exception cref="InvalidOperationException">The pipeline waited for something, or answered otherwise than expected.</exception>
    public void Process(MemoryExchange exchange) => _process!(exchange);

    public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
        where TContext : notnull
    {
        var (defaults, kept) = (new FeatureCollection(), default(TContext));
        _process = exchange =>
        {
            exchange.Put(defaults);
            // A server keeps the context of a connection from request to request.
            var features = new ReusedFeatures<TContext>(defaults) { HostContext = kept };
            var context = application.CreateContext(features);
            MemoryExchange.Finished(application.ProcessRequestAsync(context));
            exchange.Complete();
            application.DisposeContext(context, exception: null);
            kept = features.HostContext;
        };
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
    }

    private sealed class ReusedFeatures<TContext>(IFeatureCollection defaults) : FeatureCollection(defaults), IHostContextContainer<TContext>
        where TContext : notnull
    {
        public TContext? HostContext { get; set; }
    }
}
