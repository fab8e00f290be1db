using System.Data.Common;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes.Balancing;

namespace Replicated.NHibernate.Nodes;

/// <summary>Reads which servers there are from the configuration, and names everything that is wrong with it.</summary>
internal sealed class NodeList(IConfiguration? configuration, IApplicationConnectionStrings? application, IEnumerable<ILoadBalancingPolicy> own, bool resets = false) : IValidateOptions<ReplicatedOptions>
{
    // The application's own count first.
    private readonly ILoadBalancingPolicy[] _policies = [.. own, new PowerOfTwoChoicesPolicy(), new RoundRobinPolicy(), new RandomPolicy()];

    private sealed record Entry(string Name, string ConnectionString, int Weight, bool IsOneOfSeveral = false, bool IsLoadBalancer = false);

    public ValidateOptionsResult Validate(string? name, ReplicatedOptions options)
    {
        var errors = new List<string>();
        Read(options, errors);
        if (!Array.Exists(_policies, p => p.Name == options.LoadBalancing))
        {
            errors.Add($"Replicated:LoadBalancing is {Redactor.Of(options.LoadBalancing)}; known are {string.Join(", ", _policies.Select(p => p.Name).Distinct(StringComparer.Ordinal))}. One of your own is registered by services.AddSingleton<ILoadBalancingPolicy, …>().");
        }

        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }

    public (Node Master, Node[] Slaves) Create(ReplicatedOptions options, DatabaseProvider provider)
    {
        var (master, slaves) = Read(options, []);
        string[] errors = [.. slaves.Prepend(master!).Where(e => !IsTaken(e.ConnectionString, provider)).Select(e =>
            $"The connection string of {e.Name} is not one that {provider.ConnectionType} takes. Check its keywords and values; what the provider said may quote a password and is not shown.")];
        if (errors.Length == 0)
        {
            errors = [.. slaves.Prepend(master!)
                .Select(e => (e.Name, Wrong: provider.Dialect.Contradiction(e.ConnectionString, isSlave: e != master, options.ReadOnlySwitch)))
                .Where(e => e.Wrong is not null).Select(e => $"The connection string of {e.Name} {e.Wrong}")];
        }

        if (errors.Length > 0)
        {
            throw new OptionsValidationException(Options.DefaultName, typeof(ReplicatedOptions), errors);
        }

        return (Create(DatabaseRole.Master, master!), [.. OneForEachHost(slaves, provider.Dialect).Select(s => Create(DatabaseRole.Slave, s))]);

        Node Create(DatabaseRole role, Entry entry)
        {
            var dialect = provider.Dialect;
            // What handlers set on a connection must not reach its next user.
            var given = resets ? SessionReset.On(entry.ConnectionString) : entry.ConnectionString;
            var asMaster = entry.IsLoadBalancer ? given : dialect.MasterConnectionString(given);
            var readOnly = dialect.ReadOnlyConnectionString(asMaster, options.ReadOnlySwitch);
            return new Node(entry.Name, role, entry.Weight, asMaster, readOnly)
            {
                Address = string.Join(',', dialect.SplitHosts(entry.ConnectionString).Select(h => dialect.AddressOf(h) ?? "")) is { Length: > 0 } hosts ? hosts : null,
                IsOneOfSeveral = entry.IsOneOfSeveral,
                IsSeveral = entry.IsLoadBalancer,
                HasMastersAddress = role == DatabaseRole.Slave && !entry.IsOneOfSeveral && dialect.AddressOf(entry.ConnectionString) is { } address && address == dialect.AddressOf(master!.ConnectionString),
                Preparing = options.AutoPrepare ? (dialect.PreparingConnectionString(asMaster), dialect.PreparingConnectionString(readOnly)) : null,
            };
        }
    }

    /// <summary>The policy of that name; only for options that are valid.</summary>
    public ILoadBalancingPolicy Policy(string name) => Array.Find(_policies, p => p.Name == name)!;

    /// <summary>The master's connection string and the first slave's, if there is one; only for options that are valid.</summary>
    public (string Master, string? Slave) ConnectionStrings(ReplicatedOptions options)
    {
        var (master, slaves) = Read(options, []);
        return (master!.ConnectionString, slaves.FirstOrDefault()?.ConnectionString);
    }

    // A node is one server: what is known of one of them says nothing of the others.
    private static List<Entry> OneForEachHost(List<Entry> slaves, DatabaseDialect dialect)
    {
        var names = slaves.Select(s => s.Name).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var all = new List<Entry>();
        foreach (var entry in slaves)
        {
            string[] hosts = entry.IsLoadBalancer ? [entry.ConnectionString] : dialect.SplitHosts(entry.ConnectionString);
            var prefix = entry.Name.EndsWith("-1", StringComparison.Ordinal) ? entry.Name[..^1] : $"{entry.Name}-";
            var number = 1;
            for (var i = 0; i < hosts.Length; i++)
            {
                var name = entry.Name;
                while (i > 0 && !names.Add(name = string.Create(CultureInfo.InvariantCulture, $"{prefix}{++number}")))
                {
                }

                all.Add(entry with { Name = name, ConnectionString = hosts[i], IsOneOfSeveral = hosts.Length > 1 });
            }
        }

        return all;
    }

    private (Entry? Master, List<Entry> Slaves) Read(ReplicatedOptions options, List<string> errors)
    {
        if (application?.Error is { } error)
        {
            errors.Add(error);
        }

        var master = Master(errors);
        var slaves = new List<Entry>();
        if (Named("Slave") is { } slave)
        {
            slaves.Add(new Entry("slave-1", slave, 1));
        }

        var names = slaves.Select(s => s.Name).ToHashSet(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < options.Slaves.Count; i++)
        {
            var path = $"Replicated:Slaves:{i}";
            Name(options.Slaves[i].Name, path, names, errors);
            Slave(options.Slaves[i], path, slaves, errors);
        }

        if (slaves.Count == 0 && application?.Slave is { } own && !Same(own, master?.ConnectionString))
        {
            slaves.Add(new Entry("slave-1", own, 1));
        }

        foreach (var entry in slaves)
        {
            Parses(entry.ConnectionString, $"The connection string of {entry.Name}", errors);
        }

        return (master, slaves);
    }

    private Entry? Master(List<string> errors)
    {
        var (configured, own) = (Named("Master"), application?.Master);
        if (configured is not null)
        {
            Parses(configured, "ConnectionStrings:Master", errors);
        }

        if (configured is not null && own is not null && !Same(configured, own))
        {
            errors.Add("There are two different masters: ConnectionStrings:Master and the connection string in the NHibernate configuration. Keep one of them.");
        }

        if ((configured ?? own) is { } connectionString)
        {
            return new Entry(Node.MasterName, connectionString, 1);
        }

        errors.Add("There is no master: set ConnectionStrings:Master"
            + (application is null ? "" : ", or give the NHibernate configuration a connection string")
            + (configuration is null ? " (the container has no IConfiguration to set it in)." : "."));
        return null;
    }

    private static void Name(string name, string path, HashSet<string> names, List<string> errors)
    {
        if (string.IsNullOrWhiteSpace(name))
        {
            errors.Add($"{path}:Name is missing: logs and the route header need one.");
        }
        else if (!name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
        {
            errors.Add($"{path}:Name is {Redactor.Of(name)}: only letters, digits, '-', '_' and '.' may stand in a header.");
        }
        else if (name.Equals(Node.MasterName, StringComparison.OrdinalIgnoreCase))
        {
            errors.Add($"{path}:Name is '{name}', which is the master's name. Choose another.");
        }
        else if (!names.Add(name))
        {
            errors.Add($"{path}:Name is '{name}', which another slave has (slave-1 is ConnectionStrings:Slave). Choose another.");
        }
    }

    private void Slave(SlaveOptions slave, string path, List<Entry> slaves, List<string> errors)
    {
        var (direct, name) = (slave.ConnectionString, slave.ConnectionStringName);
        if (string.IsNullOrWhiteSpace(direct) == string.IsNullOrWhiteSpace(name))
        {
            errors.Add($"{path} needs either ConnectionString or ConnectionStringName.");
        }
        else if ((string.IsNullOrWhiteSpace(direct) ? Named(name!) : direct) is not { } connectionString)
        {
            errors.Add($"{path}:ConnectionStringName is {Redactor.Of(name)}, but ConnectionStrings has no entry of that name.");
        }
        else
        {
            slaves.Add(new Entry(slave.Name, connectionString, slave.Weight, IsLoadBalancer: slave.LoadBalancer));
        }
    }

    private string? Named(string name) =>
        configuration?.GetConnectionString(name) is { } value && !string.IsNullOrWhiteSpace(value) ? value : null;

    private static void Parses(string connectionString, string what, List<string> errors)
    {
        try
        {
            _ = new DbConnectionStringBuilder { ConnectionString = connectionString };
        }
        catch (ArgumentException)
        {
            errors.Add($"{what} is not of the form key=value;key=value.");
        }
    }

    private static bool IsTaken(string connectionString, DatabaseProvider provider)
    {
        try
        {
            using var probe = provider.Create(connectionString);
            return true;
        }
        catch (Exception)
        {
            // Each provider has its own exceptions for it.
            return false;
        }
    }

    private static bool Same(string left, string? right)
    {
        if (right is null || string.Equals(left, right, StringComparison.Ordinal))
        {
            return right is not null;
        }

        try
        {
            return new DbConnectionStringBuilder { ConnectionString = left }
                .EquivalentTo(new DbConnectionStringBuilder { ConnectionString = right });
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
