using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Replicated.NHibernate.Web;

/// <summary>
/// Outermost: where nobody handles an exception, the server answers without the response's callbacks, so a client whose write was committed before would not
/// get its token. Only such a response is begun here; the exception goes on to the server, which logs it.
/// </summary>
internal sealed class UnhandledExceptionFilter : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(static inner => context => Invoke(inner, context));
        next(app);
    };

    private static async Task Invoke(RequestDelegate next, HttpContext context)
    {
        try
        {
            await next(context);
        }
        catch (Exception e) when (ClientTokens.Of(context) is { IsWaiting: true } && !context.RequestAborted.IsCancellationRequested)
        {
            context.Response.Clear();
            // As the server would choose.
            context.Response.StatusCode = e is BadHttpRequestException bad ? bad.StatusCode : StatusCodes.Status500InternalServerError;
            await context.Response.CompleteAsync();
            throw;
        }
    }
}
