namespace Replicated.NHibernate.Benchmarks;

/// <summary>One way to write the application that is measured: a GET by key and a POST with one insert.</summary>
/// <param name="Name">By which a process is told which one it is.</param>
/// <param name="Options">What is appended to its connection strings.</param>
/// <param name="Register">With the master's and the slave's connection string.</param>
/// <param name="Use">What it adds to the pipeline behind routing.</param>
/// <param name="Pages">How many pages of its live status are open meanwhile.</param>
internal sealed partial record Arm(string Name, string Options, Action<WebApplicationBuilder, string, string> Register, Action<WebApplication>? Use = null, int Pages = 0)
{
    /// <summary>Npgsql's own name for what the library adds where it may.</summary>
    public const string Prepared = ";Max Auto Prepare=50";

    /// <summary>Another instance of the first, to see what is noise.</summary>
    public const string Again = "again";

    public static IReadOnlyList<Arm> All
    {
        get
        {
            List<Arm> all = [];
            AddNHibernate(all);
            return [.. all, new("npgsql", Prepared, NpgsqlPosts.Register), new("ef-core", Prepared, EfPosts.Register)];
        }
    }

    static partial void AddNHibernate(List<Arm> all);

    /// <summary>What a process of its own does until its input ends: it writes its address, and answers.</summary>
    public async Task ServeAsync(string master, string slave)
    {
        // Waiting for a thread is not what is measured: NHibernate's own transaction commits synchronously.
        ThreadPool.SetMinThreads(64, 64);
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders().AddConsole(o => o.LogToStandardErrorThreshold = LogLevel.Trace).SetMinimumLevel(LogLevel.Warning);
        builder.Services.AddSingleton(TimeProvider.System);
        Register(builder, master + Options, slave + Options);
        await using var app = builder.Build();
        app.UseRouting();
        Use?.Invoke(app);
        app.MapControllers();
        app.MapGet("/allocated", () => GC.GetTotalAllocatedBytes(precise: true));
        await app.StartAsync();
        Console.WriteLine(app.Urls.First());
        while (await Console.In.ReadLineAsync() is not null)
        {
        }
    }
}
