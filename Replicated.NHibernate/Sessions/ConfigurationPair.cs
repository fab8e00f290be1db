using Microsoft.Extensions.Configuration;
using NHibernate;
using NHibernate.Cfg;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Sessions;

/// <summary>The two configurations that the application's delegate makes, one call for each role, each made when it is first needed.</summary>
internal sealed class ConfigurationPair(Func<Configuration> configure, IConfiguration? settings) : IApplicationConnectionStrings
{
    private readonly Lazy<Configuration> _master = new(() => Made(configure));
    private string? _error;

    public string? Master => ReadMaster();

    public string? Slave => null;

    public string? Error
    {
        get
        {
            ReadMaster();
            return _error;
        }
    }

    public ISessionFactory BuildMaster(string connectionString) => Build(_master.Value, DatabaseRole.Master, connectionString);

    public ISessionFactory BuildSlave(string connectionString)
    {
        var slave = Made(configure);
        return ReferenceEquals(slave, _master.Value)
            ? throw new InvalidOperationException(
                "The delegate given to AddReplicatedNHibernate returned the same configuration twice. It is called once for each role and must make a new one each time, because factories built from one configuration share their event listeners.")
            : Build(slave, DatabaseRole.Slave, connectionString);
    }

    private static Configuration Made(Func<Configuration> configure) => configure()
        ?? throw new InvalidOperationException("The delegate given to AddReplicatedNHibernate returned null instead of a configuration.");

    private static ISessionFactory Build(Configuration configuration, DatabaseRole role, string connectionString)
    {
        configuration.UseReplicated(role);
        configuration.Properties.Remove(Environment.ConnectionStringName);
        configuration.SetProperty(Environment.ConnectionString, connectionString);
        return configuration.BuildSessionFactory();
    }

    private string? ReadMaster()
    {
        var configuration = _master.Value;
        if (configuration.GetProperty(Environment.ConnectionString) is { Length: > 0 } direct)
        {
            return direct;
        }

        if (configuration.GetProperty(Environment.ConnectionStringName) is not { Length: > 0 } name)
        {
            return null;
        }

        var named = settings?.GetConnectionString(name);
        _error = named is null
            ? $"The NHibernate configuration names the connection string {Shown.Of(name)}, but ConnectionStrings has no entry of that name."
            : null;
        return named;
    }
}
