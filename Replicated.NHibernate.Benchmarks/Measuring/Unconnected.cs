using Npgsql;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>Applications whose servers are configured but never asked for anything.</summary>
internal static class Unconnected
{
    /// <summary>Nobody listens there, so that a connection by mistake is an error and not a figure.</summary>
    public static readonly string Server = new NpgsqlConnectionStringBuilder { Host = "127.0.0.1", Port = 1, Username = "nobody", Database = "none" }.ConnectionString;

    public static WebApplication Build(Action<WebApplicationBuilder> register)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.Services.AddRoutingCore();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:Master"] = Server,
            ["ConnectionStrings:Slave"] = $"{Server};Application Name=slave",
        });
        register(builder);
        return builder.Build();
    }
}
