using Microsoft.AspNetCore.Hosting.Server;
using NHibernate;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>The benchmark's application on a server and a database that both are this process.</summary>
internal sealed class MemoryApp : IAsyncDisposable
{
    public const string Master = "Host=memory;Database=master", Slave = "Host=memory;Database=slave";

    private readonly WebApplication _app;

    private MemoryApp(WebApplication app, MemoryServer server) => (_app, Server) = (app, server);

    public MemoryServer Server { get; }

    public IServiceProvider Services => _app.Services;

    public static Task<MemoryApp> PlainAsync() => StartAsync(
        builder => HandWritten.Register(builder.Services, Model.PlainFactory(Master, Model.Configure<MemoryDriver>), Model.PlainFactory(Slave, Model.Configure<MemoryDriver>)),
        use: null);

    public static Task<MemoryApp> RoutedAsync() => StartAsync(
        builder =>
        {
            builder.Configuration["ConnectionStrings:Master"] = Master;
            builder.Configuration["ConnectionStrings:Slave"] = Slave;
            builder.Services.AddReplicatedNHibernate(Model.Configure<MemoryDriver>);
            builder.Services.AddController<PostsController>();
        },
        app => app.UseReplicatedSessions());

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    /// <summary>The same request, as often as asked for.</summary>
    public Action<int> Sending(MemoryExchange exchange) => times =>
    {
        for (var i = 0; i < times; i++)
        {
            Server.Process(exchange);
        }
    };

    private static async Task<MemoryApp> StartAsync(Action<WebApplicationBuilder> register, Action<WebApplication>? use)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        var server = new MemoryServer();
        builder.Services.AddSingleton<IServer>(server);
        builder.Services.AddRouting();
        builder.Services.AddSingleton(TimeProvider.System);
        register(builder);
        var app = builder.Build();
        app.UseRouting();
        use?.Invoke(app);
        app.MapControllers();
        await app.StartAsync();
        return new MemoryApp(app, server);
    }
}
