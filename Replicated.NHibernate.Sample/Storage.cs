using Npgsql;
using Replicated.NHibernate.Sample.Hosting;
using Replicated.NHibernate.Sample.Posts;

namespace Replicated.NHibernate.Sample;

/// <summary>What the posts are kept with: NHibernate where this build has it, or Dapper (<c>Storage=Dapper</c>).</summary>
internal static partial class Storage
{
    /// <summary>What this build and its settings came to, for the page.</summary>
    public static string Description { get; private set; } = "";

    public static void Add(IServiceCollection services, IConfiguration configuration)
    {
        var asked = configuration["Storage"];
        var isAdded = false;
        switch (asked?.ToUpperInvariant())
        {
            case null or "" or "NHIBERNATE":
                AddNHibernate(services, configuration.Database(), ref isAdded);
                break;
            case "DAPPER":
                break;
            default:
                throw new StartUpException($"Storage is '{asked}'; known are NHibernate and Dapper.");
        }

        if (isAdded)
        {
            Description = "The posts are kept with NHibernate, on the routed ISession.";
            return;
        }

        if (!string.IsNullOrEmpty(asked) && !asked.Equals("Dapper", StringComparison.OrdinalIgnoreCase))
        {
            throw new StartUpException("Storage is 'NHibernate', and this build is WITHOUT it. Leave the setting out.");
        }

        if (configuration.Database() != Database.PostgreSql)
        {
            throw new StartUpException("Only with NHibernate are the posts kept in another database than PostgreSQL. Leave the setting Database out.");
        }

        Description = asked is { Length: > 0 }
            ? "The posts are kept with Dapper, on the routed DbConnection, as the setting Storage says."
            : "This program is built WITHOUT NHibernate: the posts are kept with Dapper, on the routed DbConnection.";
        services.AddReplicatedConnections(NpgsqlFactory.Instance);
        services.AddTransient<IPosts, DapperPosts>();
    }

    // Its body stands in the folder Sessions, which a build without NHibernate leaves out.
    static partial void AddNHibernate(IServiceCollection services, Database database, ref bool isAdded);
}
