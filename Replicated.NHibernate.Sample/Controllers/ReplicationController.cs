using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Sample.Servers;

namespace Replicated.NHibernate.Sample.Controllers;

/// <summary>The servers themselves, past every route. No session is asked for, so none is opened.</summary>
[Route("replication")]
public sealed class ReplicationController(IServiceProvider services) : Controller
{
    [HttpGet, HttpHead]
    public async Task<JsonResult> Status(CancellationToken cancellationToken) => Json(await services.GetRequiredService<IServerQuestion>().AskAsync(cancellationToken));

    [HttpPost("{name}/pause")]
    [ValidateAntiForgeryToken]
    public Task<IResult> Pause(string name, CancellationToken cancellationToken) => Tell(name, "select pg_wal_replay_pause()", cancellationToken);

    [HttpPost("{name}/resume")]
    [ValidateAntiForgeryToken]
    public Task<IResult> Resume(string name, CancellationToken cancellationToken) => Tell(name, "select pg_wal_replay_resume()", cancellationToken);

    /// <summary>As if its machine lost power.</summary>
    [HttpPost("{name}/kill")]
    [ValidateAntiForgeryToken]
    public Task<IResult> Kill(string name, CancellationToken cancellationToken) => Do(name, slave => slave.KillAsync(), isDown: true, cancellationToken);

    [HttpPost("{name}/revive")]
    [ValidateAntiForgeryToken]
    public Task<IResult> Revive(string name, CancellationToken cancellationToken) => Do(name, slave => slave.StartAsync(cancellationToken), isDown: false, cancellationToken);

    private async Task<IResult> Do(string name, Func<PostgresNode, Task> action, bool isDown, CancellationToken cancellationToken)
    {
        if (services.GetRequiredService<DemoServers>().FindSlave(name) is not { } slave)
        {
            return Results.Problem($"There is no slave '{name}' that this program started.", statusCode: StatusCodes.Status404NotFound);
        }

        await action(slave);
        await WaitUntilKnown(slave.Name, isDown, cancellationToken);
        return Results.Redirect("/");
    }

    // The page that comes next shows what the library makes of it, which takes one question to the server.
    private async Task WaitUntilKnown(string name, bool isDown, CancellationToken cancellationToken)
    {
        for (var attempt = 0; attempt < 50; attempt++)
        {
            var health = await services.GetRequiredService<HealthCheckService>().CheckHealthAsync(cancellationToken);
            if (health.Entries.Values.Any(e => e.Data.TryGetValue(name, out var state) && state.ToString()!.StartsWith("Down", StringComparison.Ordinal) == isDown))
            {
                return;
            }

            await Task.Delay(100, cancellationToken);
        }
    }

    private async Task<IResult> Tell(string name, string sql, CancellationToken cancellationToken)
    {
        if (services.GetService<DatabaseServers>()?.FindSlave(name) is not { } slave)
        {
            return Results.Problem($"There is no slave '{name}'.", statusCode: StatusCodes.Status404NotFound);
        }

        try
        {
            await using var connection = await slave.ConnectAsync(cancellationToken);
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync(cancellationToken);
            return Results.Redirect("/");
        }
        catch (NpgsqlException fault)
        {
            return Results.Problem($"{slave.Name} did not do it: {DatabaseServers.Explain(fault)}.", statusCode: StatusCodes.Status503ServiceUnavailable);
        }
    }
}
