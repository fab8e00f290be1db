using Microsoft.Extensions.Configuration;
using NHibernate;
using NHibernate.Cfg;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Sessions;

/// <summary>The configuration that the application's delegate makes, when it is first needed, and the two factories built from it.</summary>
internal sealed class FactoryBuilder : IApplicationConnectionStrings
{
    private readonly Func<Configuration> _configure;
    private readonly Lazy<(string? Master, string? Error)> _connectionString;
    private Configuration? _configuration;

    public FactoryBuilder(Func<Configuration> configure, IConfiguration? settings)
    {
        _configure = configure;
        _connectionString = new(() => ConnectionStringOf(_configuration = Made(), settings));
    }

    public string? Master => _connectionString.Value.Master;

    public string? Slave => null;

    public string? Error => _connectionString.Value.Error;

    /// <param name="master">The master's connection string.</param>
    /// <param name="slave">The slaves', or null where there is none.</param>
    public ReplicatedSessionFactories Build(string master, string? slave)
    {
        // Let go of, with all that its mappings were made from: the factories do not need it.
        var first = Interlocked.Exchange(ref _configuration, null) ?? Made();
        if (slave is null)
        {
            var only = Hooked(first, DatabaseRole.Master, master).BuildSessionFactory();
            return Checked(only, only);
        }

        var shared = MappingSharing.Allows(first);
        var second = shared ? MappingSharing.Of(first) : Another(first);
        Hooked(first, DatabaseRole.Master, master);
        Hooked(second, DatabaseRole.Slave, slave);
        var (masters, slaves) = shared && !MappingSharing.AllowSideBySide(first) ? OneByOne(first, second) : SideBySide(first, second);
        return Checked(masters, slaves);
    }

    private static ReplicatedSessionFactories Checked(ISessionFactory master, ISessionFactory slave)
    {
        try
        {
            return new ReplicatedSessionFactories(master, slave, owned: true);
        }
        catch (Exception)
        {
            slave.Dispose();
            master.Dispose();
            throw;
        }
    }

    private static (ISessionFactory Master, ISessionFactory Slave) SideBySide(Configuration first, Configuration second)
    {
        // A thread of its own: at an application's start the pool's may all be waiting for this one.
        var slave = Task.Factory.StartNew(second.BuildSessionFactory, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        ISessionFactory master;
        try
        {
            master = first.BuildSessionFactory();
        }
        catch (Exception)
        {
            CloseWhatComes(slave);
            throw;
        }

        return (master, OrClose(master, slave.GetAwaiter().GetResult));
    }

    private static void CloseWhatComes(Task<ISessionFactory> slave)
    {
        try
        {
            slave.GetAwaiter().GetResult().Dispose();
        }
        catch (Exception)
        {
            // The master's error is the one to tell.
        }
    }

    private static (ISessionFactory Master, ISessionFactory Slave) OneByOne(Configuration first, Configuration second)
    {
        var master = first.BuildSessionFactory();
        return (master, OrClose(master, second.BuildSessionFactory));
    }

    private static ISessionFactory OrClose(ISessionFactory master, Func<ISessionFactory> slave)
    {
        try
        {
            return slave();
        }
        catch (Exception)
        {
            master.Dispose();
            throw;
        }
    }

    private static Configuration Hooked(Configuration configuration, DatabaseRole role, string connectionString)
    {
        configuration.UseReplicated(role);
        configuration.Properties.Remove(Environment.ConnectionStringName);
        return configuration.SetProperty(Environment.ConnectionString, connectionString);
    }

    private static (string? Master, string? Error) ConnectionStringOf(Configuration configuration, IConfiguration? settings)
    {
        if (configuration.GetProperty(Environment.ConnectionString) is { Length: > 0 } direct)
        {
            return (direct, null);
        }

        if (configuration.GetProperty(Environment.ConnectionStringName) is not { Length: > 0 } name)
        {
            return (null, null);
        }

        return settings?.GetConnectionString(name) is { } named
            ? (named, null)
            : (null, $"The NHibernate configuration names the connection string {Redactor.Of(name)}, but ConnectionStrings has no entry of that name.");
    }

    private Configuration Made() => _configure()
        ?? throw new InvalidOperationException("The delegate given to AddReplicatedNHibernate returned null instead of a configuration.");

    private Configuration Another(Configuration first)
    {
        var second = Made();
        return ReferenceEquals(second, first)
            ? throw new InvalidOperationException(
                "The delegate given to AddReplicatedNHibernate returned the same configuration twice. Where the configuration is of a class of its own, or has a listener that is initialized or disposed with its factory, it is called once for each role and must make a new one each time.")
            : second;
    }
}
