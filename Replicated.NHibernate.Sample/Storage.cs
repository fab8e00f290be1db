using Npgsql;
using Replicated.NHibernate.Sample.Hosting;
using Replicated.NHibernate.Sample.Posts;

namespace Replicated.NHibernate.Sample;

/// <summary>What the posts are kept with: NHibernate where this build has it, or Dapper (<c>Storage=Dapper</c>).</summary>
internal static partial class Storage
{
    public static void Add(IServiceCollection services, IConfiguration configuration)
    {
        var asked = configuration["Storage"];
        var isAdded = false;
        switch (asked?.ToUpperInvariant())
        {
            case null or "" or "NHIBERNATE":
                AddNHibernate(services, ref isAdded);
                break;
            case "DAPPER":
                break;
            default:
                throw new StartUpException($"Storage is '{asked}'; known are NHibernate and Dapper.");
        }

        if (isAdded)
        {
            return;
        }

        if (!string.IsNullOrEmpty(asked) && !asked.Equals("Dapper", StringComparison.OrdinalIgnoreCase))
        {
            throw new StartUpException("Storage is 'NHibernate', and this build is WITHOUT it. Leave the setting out.");
        }

        services.AddReplicatedConnections(NpgsqlFactory.Instance);
        services.AddTransient<IPosts, DapperPosts>();
    }

    // Its body stands in the folder Sessions, which a build without NHibernate leaves out.
    static partial void AddNHibernate(IServiceCollection services, ref bool isAdded);
}
