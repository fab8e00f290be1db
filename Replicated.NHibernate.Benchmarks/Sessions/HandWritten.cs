using Microsoft.AspNetCore.Mvc.Filters;
using NHibernate;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>A session per request as one writes it without this library: by the verb from one of two factories.</summary>
internal static class HandWritten
{
    public static void Register(IServiceCollection services, string master, string slave) =>
        Register(services, Model.PlainFactory(master), Model.PlainFactory(slave));

    public static void Register(IServiceCollection services, ISessionFactory masters, ISessionFactory slaves)
    {
        services.AddSingleton(new PlainFactories(masters, slaves));
        services.AddHttpContextAccessor();
        services.AddScoped(sp => IsRead(sp.GetRequiredService<IHttpContextAccessor>().HttpContext!) ? slaves.OpenSession() : masters.OpenSession());
        services.AddController<PostsController>();
        services.Configure<Microsoft.AspNetCore.Mvc.MvcOptions>(options => options.Filters.Add(new TransactionFilter()));
    }

    public static bool IsRead(HttpContext context) => HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method);

    /// <summary>Where the library has a transaction, one is here; it ends before the result is executed, as the library's does.</summary>
    private sealed class TransactionFilter : IAsyncActionFilter
    {
        public async Task OnActionExecutionAsync(ActionExecutingContext context, ActionExecutionDelegate next)
        {
            if (IsRead(context.HttpContext))
            {
                await next();
                return;
            }

            using var transaction = context.HttpContext.RequestServices.GetRequiredService<ISession>().BeginTransaction();
            if ((await next()).Exception is null)
            {
                await transaction.CommitAsync();
            }
        }
    }
}

internal sealed record PlainFactories(ISessionFactory Masters, ISessionFactory Slaves);
