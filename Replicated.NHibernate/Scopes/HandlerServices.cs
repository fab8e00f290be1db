using Microsoft.Extensions.DependencyInjection;

namespace Replicated.NHibernate.Scopes;

/// <summary>The services that a scope's handlers get: those of the work that it belongs to, or a container scope of its own, made when first asked for.</summary>
internal sealed class HandlerServices(Func<IServiceProvider?> given, IServiceScopeFactory? factory)
{
    private readonly Lock _making = new();
    private AsyncServiceScope? _own;

    public IServiceProvider Provider
    {
        get
        {
            if (given() is { } services)
            {
                return services;
            }

            lock (_making)
            {
                return (_own ??= (factory ?? throw new InvalidOperationException("The container has no IServiceScopeFactory.")).CreateAsyncScope()).ServiceProvider;
            }
        }
    }

    public async ValueTask End(bool async)
    {
        if (_own is not { } own)
        {
            return;
        }

        _own = null;
        if (async)
        {
            await own.DisposeAsync();
        }
        else
        {
            own.Dispose();
        }
    }
}
