using Microsoft.AspNetCore.Mvc;
using Npgsql;
using Replicated.NHibernate.Sample.Servers;

namespace Replicated.NHibernate.Sample.Controllers;

/// <summary>The servers themselves, past every route. No session is asked for, so none is opened.</summary>
[Route("replication")]
public sealed class ReplicationController(IServiceProvider services) : Controller
{
    private readonly DatabaseServers _servers = services.GetRequiredService<DatabaseServers>();

    [HttpGet, HttpHead]
    public async Task<JsonResult> Status(CancellationToken cancellationToken) => Json(await _servers.AskAsync(cancellationToken));

    [HttpPost("{name}/pause")]
    [ValidateAntiForgeryToken]
    public Task<IResult> Pause(string name, CancellationToken cancellationToken) => Tell(name, "select pg_wal_replay_pause()", cancellationToken);

    [HttpPost("{name}/resume")]
    [ValidateAntiForgeryToken]
    public Task<IResult> Resume(string name, CancellationToken cancellationToken) => Tell(name, "select pg_wal_replay_resume()", cancellationToken);

    private async Task<IResult> Tell(string name, string sql, CancellationToken cancellationToken)
    {
        if (_servers.FindSlave(name) is not { } slave)
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
