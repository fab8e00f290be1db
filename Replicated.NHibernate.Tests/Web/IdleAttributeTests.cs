using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>An attribute where nobody asks for it is named when the application starts, and no other is.</summary>
[Promise(2), Promise(3)]
internal sealed class IdleAttributeTests
{
    [Test]
    public async Task Attributes_that_do_nothing_are_named_at_start_with_the_remedy()
    {
        await using var app = await TestApp.StartAsync(
            builder =>
            {
                builder.Services.AddReplicatedConnections(NpgsqlFactory.Instance);
                builder.Services.AddSignalR();
                builder.AddTheseControllers(typeof(MixedController));
                builder.Services.AddScoped<IReports, Reports>();
                builder.Services.AddKeyedScoped<SnapshotReports>("one");
                builder.Services.AddScoped<IPlainReports>(_ => throw new NotSupportedException());
                // Controllers and hubs may be services too.
                builder.Services.AddScoped<MixedController>();
                builder.Services.AddScoped<TokenedHub>();
            },
            app =>
            {
                app.UseRouting();
                app.UseReplicatedSessions();
                app.MapControllers();
                app.MapHub<TokenedHub>("/hub");
                app.MapGet("/minimal", [UseMaster] () => "");
            },
            SharedCluster.Cluster);
        var named = app.Log.Messages(43).ToArray();
        Assert.That(named.Select(m => m.Split(' ')[0]), Is.EquivalentTo(new[]
        {
            "IReports.Find", "Reports", "Reports.Add", "SnapshotReports.All", "IPlainReports.Count", "IMixed.Get", "MixedController.Helper",
        }));
        Assert.That(named, Is.All.Contains("does nothing there").And.All.Contains("UseMaster()"));
    }

    private interface IReports
    {
        [UseSlave]
        void Find();
    }

    private interface IPlainReports
    {
        [UseSnapshot]
        int Count();
    }

    private interface IMixed
    {
        [UseMaster]
        IActionResult Get();
    }

    [UseSlave]
    private sealed class Reports : IReports
    {
        public void Find()
        {
        }

        [UseMaster]
        private static void Add()
        {
        }
    }

    private sealed class SnapshotReports
    {
        [UseSnapshot]
        public static void All()
        {
        }
    }

    [Route("mixed"), UseSlave]
    private sealed class MixedController : ControllerBase, IMixed
    {
        [HttpGet]
        public IActionResult Get() => Ok();

        [HttpPost, UseMaster]
        public IActionResult Post() => Ok();

        [NonAction, UseMaster]
        public void Helper()
        {
        }
    }

    [UseSlave]
    private sealed class TokenedHub : Hub
    {
        [UseMaster]
        public void Write()
        {
        }
    }
}
