using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Controllers;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using Replicated.NHibernate.Routing;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Web;
using Replicated.NHibernate.Web;

namespace Replicated.NHibernate.Tests.Routing;

/// <summary>The whole decision, over the endpoints that MVC builds of real controllers. No database.</summary>
internal sealed class TruthTableTests
{
    private static readonly string[] Verbs = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "get"];
    private static readonly string[] Attributes = ["None", "UseMaster", "UseSlave"];
    private static readonly DatabaseRole?[] Blocks = [null, DatabaseRole.Master, DatabaseRole.Slave];

    // The first line that applies decides: what is wanted, and why.
    private static readonly (Func<Row, bool> Applies, DatabaseRole Wanted, RouteReason Why)[] Table =
    [
        (r => r.Block is DatabaseRole.Master, DatabaseRole.Master, RouteReason.Block),
        (r => r.Block is DatabaseRole.Slave, DatabaseRole.Slave, RouteReason.Block),
        (r => r.Action == "UseMaster", DatabaseRole.Master, RouteReason.Attribute),
        (r => r.Action == "UseSlave", DatabaseRole.Slave, RouteReason.Attribute),
        (r => r.Controller == "UseMaster", DatabaseRole.Master, RouteReason.Attribute),
        (r => r.Controller == "UseSlave", DatabaseRole.Slave, RouteReason.Attribute),
        (r => !r.AutoReadOnSlave, DatabaseRole.Master, RouteReason.Switch),
        (r => r.Verb is "GET" or "HEAD", DatabaseRole.Slave, RouteReason.Verb),
        (_ => true, DatabaseRole.Master, RouteReason.Verb),
    ];

    [Test, Promise(1), Promise(2), Promise(3), Promise(4), Promise(7)]
    public async Task Every_combination_of_verb_attributes_switch_block_and_slaves_is_decided_as_the_table_says()
    {
        var wrong = new List<string>();
        var count = 0;
        foreach (var autoReadOnSlave in new[] { true, false })
        {
            foreach (var hasSlaves in new[] { true, false })
            {
                await using var app = Build(autoReadOnSlave, hasSlaves);
                var decide = app.Services.GetRequiredService<RequestScopes>();
                var endpoints = ((IEndpointRouteBuilder)app).DataSources.SelectMany(s => s.Endpoints)
                    .ToDictionary(e => e.Metadata.GetRequiredMetadata<ControllerActionDescriptor>() is var d ? (d.ControllerName, d.ActionName) : default);
                Assert.That(endpoints, Has.Count.EqualTo(9));
                var rows = from verb in Verbs
                           from action in Attributes
                           from controller in Attributes
                           from block in Blocks
                           select new Row(verb, action, controller, autoReadOnSlave, block, hasSlaves);
                foreach (var row in rows)
                {
                    count++;
                    var decision = decide.Decide(row.Verb, endpoints[(row.Controller, row.Action)], row.Block);
                    if (decision != Expected(row))
                    {
                        wrong.Add($"{row}: {decision}, expected {Expected(row)}");
                    }
                }
            }
        }

        Assert.That(wrong, Is.Empty);
        Assert.That(count, Is.EqualTo(10 * 3 * 3 * 2 * 3 * 2));
    }

    private static RoleDecision Expected(Row row)
    {
        var (_, wanted, why) = Table.First(line => line.Applies(row));
        var isExplicit = row.Block is not null || row.Action != "None" || row.Controller != "None";
        return wanted == DatabaseRole.Slave && !row.HasSlaves
            ? new RoleDecision(DatabaseRole.Master, RouteReason.NoSlave, isExplicit)
            : new RoleDecision(wanted, why, isExplicit);
    }

    private static WebApplication Build(bool autoReadOnSlave, bool hasSlaves)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:Master"] = "Host=nowhere",
            ["ConnectionStrings:Slave"] = hasSlaves ? "Host=nowhere-else" : null,
            ["Replicated:AutoReadOnSlave"] = autoReadOnSlave.ToString(),
        });
        builder.AddTheseControllers(typeof(NoneController), typeof(UseMasterController), typeof(UseSlaveController));
        builder.Services.AddReplicatedConnections(NpgsqlFactory.Instance);
        var app = builder.Build();
        app.MapControllers();
        return app;
    }

    private sealed record Row(string Verb, string Action, string Controller, bool AutoReadOnSlave, DatabaseRole? Block, bool HasSlaves);

    [Route("none")]
    private sealed class NoneController : ControllerBase
    {
        [Route("none")]
        public void None()
        {
        }

        [Route("master"), UseMaster]
        public void UseMaster()
        {
        }

        [Route("slave"), UseSlave]
        public void UseSlave()
        {
        }
    }

    [Route("master"), UseMaster]
    private sealed class UseMasterController : ControllerBase
    {
        [Route("none")]
        public void None()
        {
        }

        [Route("master"), UseMaster]
        public void UseMaster()
        {
        }

        [Route("slave"), UseSlave]
        public void UseSlave()
        {
        }
    }

    [Route("slave"), UseSlave]
    private sealed class UseSlaveController : ControllerBase
    {
        [Route("none")]
        public void None()
        {
        }

        [Route("master"), UseMaster]
        public void UseMaster()
        {
        }

        [Route("slave"), UseSlave]
        public void UseSlave()
        {
        }
    }
}
