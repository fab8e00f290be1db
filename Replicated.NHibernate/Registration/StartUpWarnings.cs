using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Scopes;
using Replicated.NHibernate.Settings;

namespace Replicated.NHibernate.Registration;

/// <summary>Something that a registration found at once, to be logged when there is a log.</summary>
internal sealed record RegistrationWarning(string Text);

/// <summary>Says when the application starts which servers are used, and what takes routing away without an error.</summary>
internal sealed class StartUpWarnings(IServiceCollection registered, IServiceProvider services)
{
    // What somebody calls a connection string that is meant to be read from.
    private static readonly string[] LikeSlaves = ["slave", "replica", "standby", "secondary", "readonly", "read-only", "read_only", "reader"];

    // By name: this part does not know NHibernate.
    private static readonly string[] Routed = ["NHibernate.ISession", "NHibernate.IStatelessSession", "NHibernate.ISessionFactory", "System.Data.Common.DbConnection"];

    public void Say()
    {
        var scopes = services.GetRequiredService<ScopeServices>();
        var slaves = scopes.Pool.Slaves;
        scopes.Logger.Started(slaves.Length == 0 ? "none; everything runs on the master" : string.Join(", ", slaves.Select(s => s.Name)));
        foreach (var name in UnreadConnectionStrings(scopes.Settings.Value.Options))
        {
            scopes.Logger.ConnectionStringNotRead(name);
        }

        foreach (var type in Routed)
        {
            if (registered.LastOrDefault(s => s.ServiceType.FullName == type && !s.IsKeyedService) is { } last && !IsOurs(last))
            {
                scopes.Logger.NotRouted(type);
            }
        }

        foreach (var warning in services.GetServices<RegistrationWarning>())
        {
            scopes.Logger.RegistrationDoubtful(warning.Text);
        }
    }

    private IEnumerable<string> UnreadConnectionStrings(ReplicatedOptions options) =>
        from entry in services.GetService<IConfiguration>()?.GetSection("ConnectionStrings").GetChildren() ?? []
        where !entry.Key.Equals("Slave", StringComparison.OrdinalIgnoreCase) && !entry.Key.Equals("Master", StringComparison.OrdinalIgnoreCase)
        where Array.Exists(LikeSlaves, like => entry.Key.Contains(like, StringComparison.OrdinalIgnoreCase))
        where !options.Slaves.Any(s => entry.Key.Equals(s.ConnectionStringName, StringComparison.OrdinalIgnoreCase))
        select entry.Key;

    private static bool IsOurs(ServiceDescriptor service) => service.ImplementationFactory?.Method.Module.Assembly == typeof(StartUpWarnings).Assembly;
}
