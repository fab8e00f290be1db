using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>The two lines that an application writes, one of them missing or written twice. No database.</summary>
[Promise(5)]
internal sealed class RegistrationTests
{
    [Test]
    public async Task UseReplicatedSessions_without_its_services_names_the_line_that_is_missing()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        await using var app = builder.Build();
        Assert.That(
            () => app.UseReplicatedSessions(),
            Throws.InvalidOperationException.With.Message.Contains("AddReplicatedNHibernate").And.Message.Contains("before builder.Build()"));
    }

    [Test]
    public void A_second_registration_is_refused()
    {
        var services = new ServiceCollection().AddReplicatedConnections(NpgsqlFactory.Instance).Services;
        Assert.That(
            () => services.AddReplicatedConnections(NpgsqlFactory.Instance),
            Throws.InvalidOperationException.With.Message.Contains("registered already"));
    }
}
