using System.Net;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>An MVC application on Kestrel, on a free port of the loopback address.</summary>
internal sealed class HttpApp : IAsyncDisposable
{
    private readonly WebApplication _app;

    private HttpApp(string name, WebApplication app) => (Name, _app) = (name, app);

    public string Name { get; }

    public IPEndPoint Address => new(IPAddress.Loopback, new Uri(_app.Urls.First()).Port);

    public static async Task<HttpApp> StartAsync(string name, Action<WebApplicationBuilder> register, Action<WebApplication>? use = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders().AddConsole().SetMinimumLevel(LogLevel.Warning);
        builder.Services.AddSingleton(TimeProvider.System);
        register(builder);
        var app = builder.Build();
        app.UseRouting();
        use?.Invoke(app);
        app.MapControllers();
        await app.StartAsync();
        return new HttpApp(name, app);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
