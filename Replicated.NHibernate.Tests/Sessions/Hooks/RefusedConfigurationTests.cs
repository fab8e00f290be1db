using Microsoft.Extensions.DependencyInjection;
using NHibernate.Cfg;
using NHibernate.Connection;
using NHibernate.Engine;
using NHibernate.MultiTenancy;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Tests.Sessions.Hooks;

/// <summary>What routing would take away without a word is refused when the application starts.</summary>
internal sealed class RefusedConfigurationTests
{
    // As an application has it that keeps a database for each tenant.
    public sealed class TenantConnections : AbstractMultiTenancyConnectionProvider
    {
        protected override string GetTenantConnectionString(TenantConfiguration configuration, ISessionFactoryImplementor sessionFactory) => Database.Master.ConnectionString;
    }

    [Test]
    public void Multi_tenancy_by_databases_is_refused_at_start_with_the_remedy() =>
        Assert.That(
            () => Start(c => c.SetProperty(Environment.MultiTenancy, "Database").SetProperty(Environment.MultiTenancyConnectionProvider, typeof(TenantConnections).AssemblyQualifiedName!)),
            Throws.InstanceOf<HibernateConfigException>().With.Message.Contains("multi_tenancy.strategy").And.Message.Contains("OnConnectionOpened"));

    [Test]
    public void Release_mode_that_routing_does_not_keep_is_refused_at_start_with_the_remedy() =>
        Assert.That(
            () => Start(c => c.SetProperty(Environment.ReleaseConnections, "on_close")),
            Throws.InstanceOf<HibernateConfigException>().With.Message.Contains("connection.release_mode").And.Message.Contains("OnConnectionOpened"));

    [Test]
    public async Task A_cache_that_knows_no_tenant_is_warned_of_where_connections_are_set([Values] bool cached, [Values] bool hooked)
    {
        await using var app = await SessionApp.StartAsync(services: services =>
        {
            var builder = services.AddReplicatedNHibernate(() => cached ? Database.Configure().BuildConfiguration() : Tenants.Configure());
            _ = hooked ? builder.OnConnectionOpened(_ => { }) : builder;
        });
        Assert.That(app.Log.Messages(43).Count(m => m.Contains("tenant", StringComparison.Ordinal)), Is.EqualTo(cached && hooked ? 1 : 0));
    }

    private static async Task Start(Action<Configuration> change)
    {
        await using var app = await SessionApp.StartAsync(configure: () =>
        {
            var configuration = Database.Configure().BuildConfiguration();
            change(configuration);
            return configuration;
        });
    }
}
