using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Replicated.NHibernate.Sessions;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;
using Replicated.NHibernate.Tests.Load;

namespace Replicated.NHibernate.Tests.Sessions;

internal sealed class SessionLoadTests
{
    /// <summary>REPLICATED_LOAD_REQUESTS makes it shorter.</summary>
    private static readonly int Requests = int.TryParse(
        Environment.GetEnvironmentVariable("REPLICATED_LOAD_REQUESTS"), NumberStyles.None, CultureInfo.InvariantCulture, out var requests) ? requests : 100_000;

    [Test, Promise(9)]
    public async Task A_hundred_thousand_requests_leave_nothing_behind_and_every_201_is_on_the_master()
    {
        var unit = new UnitOfWork("counted", (services, options) =>
        {
            services.AddReplicatedNHibernate(() => Board.Configure().ExposeConfiguration(c => c.SetProperty(global::NHibernate.Cfg.Environment.GenerateStatistics, "true")), options);
            services.AddScoped<IBoard, SessionBoard>();
        });
        var run = new LoadRun(unit, Requests);
        var onMaster = await run.Run(app =>
        {
            var factories = app.Services.GetRequiredService<ReplicatedSessionFactories>();
            foreach (var (name, statistics) in new[] { ("master", factories.Master.Statistics), ("slave", factories.Slave.Statistics) })
            {
                TestContext.Out.WriteLine($"{name}: {statistics.SessionOpenCount} sessions opened, {statistics.SessionCloseCount} closed, {statistics.ConnectCount} connections asked for");
                Assert.That(statistics.SessionOpenCount, Is.GreaterThan(Requests / 4));
                Assert.That(statistics.SessionCloseCount, Is.EqualTo(statistics.SessionOpenCount));
            }

            return Task.CompletedTask;
        });
        LoadAccounts.Settle(run, onMaster);
    }
}
