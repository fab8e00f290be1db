using System.Collections.Concurrent;
using System.Net.Http.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Sample.Cluster;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>An application on Kestrel, on a free port of the loopback address, with the library registered over one unit of work.</summary>
internal sealed class TestApp : IAsyncDisposable
{
    private readonly WebApplication _app;

    private TestApp(WebApplication app, RecordedLog log)
    {
        (_app, Log) = (app, log);
        Client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = new Uri(app.Urls.First()) };
    }

    public HttpClient Client { get; }

    public RecordedLog Log { get; }

    public IServiceProvider Services => _app.Services;

    public static Task<TestApp> StartAsync(
        UnitOfWork unit,
        Action<WebApplication> map,
        PostgresCluster? cluster = null,
        Dictionary<string, string?>? settings = null,
        Action<WebApplicationBuilder>? build = null,
        int slaves = 2)
    {
        return StartAsync(
            builder => unit.Register(builder.Services),
            app =>
            {
                app.UseRouting();
                app.UseReplicatedSessions();
                map(app);
            },
            cluster,
            settings,
            build,
            slaves);
    }

    /// <summary>With a pipeline, and a registration, of the test's own.</summary>
    public static async Task<TestApp> StartAsync(
        Action<WebApplicationBuilder> register,
        Action<WebApplication> pipeline,
        PostgresCluster? cluster = null,
        Dictionary<string, string?>? settings = null,
        Action<WebApplicationBuilder>? build = null,
        int slaves = 2)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddRoutingCore();
        if (slaves > 0 || settings?.ContainsKey("ConnectionStrings:Master") != true)
        {
            builder.Configuration.AddInMemoryCollection(Settings(cluster ?? SharedCluster.Cluster, slaves));
        }

        builder.Configuration.AddInMemoryCollection(settings ?? []);
        var log = new RecordedLog();
        builder.Logging.AddProvider(log).SetMinimumLevel(LogLevel.Debug).AddFilter("Microsoft", LogLevel.Warning);
        register(builder);
        build?.Invoke(builder);
        var app = builder.Build();
        try
        {
            pipeline(app);
            await app.StartAsync();
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }

        return new TestApp(app, log);
    }

    /// <summary>The connection strings of a cluster: slave-1 by ConnectionStrings:Slave, the others by Replicated:Slaves.</summary>
    public static Dictionary<string, string?> Settings(PostgresCluster cluster, int slaves = 2)
    {
        var settings = new Dictionary<string, string?> { ["ConnectionStrings:Master"] = cluster.Master.ConnectionString };
        for (var i = 0; i < Math.Min(slaves, cluster.Slaves.Count); i++)
        {
            if (i == 0)
            {
                settings["ConnectionStrings:Slave"] = cluster.Slaves[0].ConnectionString;
            }
            else
            {
                settings[$"Replicated:Slaves:{i - 1}:Name"] = cluster.Slaves[i].Name;
                settings[$"Replicated:Slaves:{i - 1}:ConnectionString"] = cluster.Slaves[i].ConnectionString;
            }
        }

        return settings;
    }

    /// <summary>Changes a setting while the application runs, as an edited appsettings.json would.</summary>
    public void Reload(string key, string? value)
    {
        _app.Configuration[key] = value;
        ((IConfigurationRoot)_app.Configuration).Reload();
    }

    /// <summary>Sends a request and reads the answer; an answer that is no success fails the test with what the server logged.</summary>
    public async Task<T> Send<T>(HttpMethod method, string path)
    {
        using var request = new HttpRequestMessage(method, path);
        using var response = await Client.SendAsync(request);
        if (!response.IsSuccessStatusCode)
        {
            Assert.Fail($"{method} {path} answered {(int)response.StatusCode}. {Log.LastException}");
        }

        return (await response.Content.ReadFromJsonAsync<T>())!;
    }

    public Task<T> Get<T>(string path) => Send<T>(HttpMethod.Get, path);

    public Task<T> Post<T>(string path) => Send<T>(HttpMethod.Post, path);

    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}

/// <summary>What was logged, in order.</summary>
internal sealed class RecordedLog : ILoggerProvider
{
    public ConcurrentQueue<(LogLevel Level, int Id, string Message, Exception? Exception)> Entries { get; } = new();

    public IEnumerable<string> Messages(int id) => Entries.Where(e => e.Id == id).Select(e => e.Message);

    public Exception? LastException => Entries.LastOrDefault(e => e.Exception is not null).Exception;

    public ILogger CreateLogger(string categoryName) => new Logger(this);

    public void Dispose()
    {
    }

    private sealed class Logger(RecordedLog log) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            log.Entries.Enqueue((logLevel, eventId.Id, formatter(state, exception), exception));
    }
}
