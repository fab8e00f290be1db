using Microsoft.Data.Sqlite;
using Replicated.NHibernate.Sample.Hosting;
using Replicated.NHibernate.Sample.Posts;

namespace Replicated.NHibernate.Sample.Servers;

/// <summary>The one file: its table is made before the first request, and its state is whether it can be opened.</summary>
internal sealed class SqliteServer(IConfiguration configuration) : IServerQuestion, IHostedService
{
    private const string Create =
        $"""
        pragma journal_mode = wal;
        create table if not exists {PostsTable.Name} (id integer primary key autoincrement, title text not null, body text not null, created_at text not null)
        """;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await RunAsync(Create, cancellationToken);
        }
        catch (Exception fault) when (fault is SqliteException or ArgumentException)
        {
            throw new StartUpException($"The table of the posts could not be made in ConnectionStrings:Master: {fault.Message}", fault);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task<IReadOnlyList<ServerStatus>> AskAsync(CancellationToken cancellationToken)
    {
        try
        {
            await RunAsync("select 1", cancellationToken);
            return [Status("up", error: null)];
        }
        catch (SqliteException fault)
        {
            return [Status("down", fault.Message)];
        }
    }

    private static ServerStatus Status(string state, string? error) => new("master", "master", state, Lag: null, LagBytes: null, Position: null, error);

    private async Task RunAsync(string sql, CancellationToken cancellationToken)
    {
        await using var connection = new SqliteConnection(configuration.GetConnectionString("Master"));
        await connection.OpenAsync(cancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await command.ExecuteScalarAsync(cancellationToken);
    }
}
