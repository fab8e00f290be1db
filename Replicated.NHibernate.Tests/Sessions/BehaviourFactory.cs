using NHibernate;
using NHibernate.Cfg;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Factories of plain NHibernate, without the library, for the tests that pin what it assumes.</summary>
internal static class BehaviourFactory
{
    public static ISessionFactory OnMaster(Action<Configuration>? change = null) => Configured(Database.Master.ConnectionString, change).BuildSessionFactory();

    public static ISessionFactory OnSlave(Action<Configuration>? change = null) => Configured(Database.Cluster.Slaves[0].ConnectionString, change).BuildSessionFactory();

    public static Configuration Configured(string connectionString, Action<Configuration>? change = null)
    {
        var configuration = Database.Configure().BuildConfiguration()
            .SetProperty(Environment.ConnectionString, connectionString)
            .SetProperty(Environment.Hbm2ddlKeyWords, "none")
            .SetProperty(Environment.GenerateStatistics, "true");
        change?.Invoke(configuration);
        return configuration;
    }

    public static string Key() => Guid.NewGuid().ToString();

    public static Task<long> Notes(string name) => Database.Ask<long>($"select count(*) from note where name = '{name}'");
}
