using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Databases.Sqlite;

/// <summary>A database that tells no positions is asked in the background all the same, so that health does not say Healthy of what nobody could open.</summary>
[Promise(13)]
internal sealed class SqliteProbeTests
{
    [Test]
    public async Task Slave_whose_file_is_not_there_is_down_and_comes_back_with_it()
    {
        using var file = SqliteFile.Create("create table post (id integer primary key, title text)");
        var missing = file.Path + ".copy";
        await using var app = await WorkApp.StartAsync(
            new UnitOfWork("SQLite", (services, options) =>
            {
                services.AddReplicatedConnections(SqliteFactory.Instance, options);
                services.AddScoped<IBoard, ConnectionBoard>();
            }),
            settings: new() { ["ConnectionStrings:Master"] = file.ConnectionString, ["ConnectionStrings:Slave"] = $"Data Source={missing};Pooling=False", ["Replicated:Probe:Interval"] = "00:00:00.1" },
            build: builder => builder.Services.AddHealthChecks().AddReplicated(),
            slaves: 0);
        await app.UntilNode("slave-1", NodeState.Down);
        var degraded = await app.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        var onMaster = await app.Get(async context => await context.Board().ScalarAsync("select count(*) from post"));
        file.Execute($"vacuum into '{missing}'");
        await app.UntilAll(state => state == NodeState.Up);
        var healthy = await app.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        var onSlave = await app.Get(async context => await context.Board().ScalarAsync("select count(*) from post"));
        Assert.Multiple(() =>
        {
            Assert.That((degraded.Status, healthy.Status), Is.EqualTo((HealthStatus.Degraded, HealthStatus.Healthy)));
            Assert.That((onMaster.Ok().Route, onSlave.Ok().Route), Is.EqualTo(("role=slave; node=master; reason=fallback", "role=slave; node=slave-1; reason=verb")));
            Assert.That(app.Log.Messages(33).Single(), Does.Contain("positions (").And.Not.Contain("read-only mode"));
        });
    }
}
