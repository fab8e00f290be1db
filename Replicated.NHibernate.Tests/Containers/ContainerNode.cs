using Npgsql;
using Testcontainers.PostgreSql;

namespace Replicated.NHibernate.Tests.Containers;

/// <summary>One server in a container. It keeps its port on this machine when it is stopped and started again.</summary>
/// <param name="inside">The port inside the container, by which the server names itself: another one for each node.</param>
/// <param name="published">The port on 127.0.0.1.</param>
internal sealed class ContainerNode(string name, PostgreSqlContainer container, int inside, int published, string password)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public string Name { get; } = name;

    public int Port { get; } = inside;

    public int PublishedPort { get; } = published;

    public string ConnectionString { get; } = new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = published,
        Username = PostgreSqlBuilder.DefaultUsername,
        Password = password,
        Database = PostgreSqlBuilder.DefaultDatabase,
        Timeout = 5,
    }.ConnectionString;

    public async Task StartAsync()
    {
        using var enough = new CancellationTokenSource(Patience);
        await container.StartAsync(enough.Token);
    }

    public async Task StopAsync()
    {
        using var enough = new CancellationTokenSource(Patience);
        await container.StopAsync(enough.Token);
    }

    public ValueTask RemoveAsync() => container.DisposeAsync();

    public Task PauseReplayAsync() => Until("select pg_get_wal_replay_pause_state() = 'paused'", "select pg_wal_replay_pause()::text");

    public Task ResumeReplayAsync() => Until("select pg_get_wal_replay_pause_state() = 'not paused'", "select pg_wal_replay_resume()::text");

    public async Task PromoteAsync() => Assert.That(await Ask<bool>("select pg_promote(true, 30)"), Is.True);

    /// <summary>Until this slave shows what the master has written by now.</summary>
    public async Task WaitUntilLikeAsync(ContainerNode master)
    {
        var end = await master.Ask<string>("select pg_current_wal_lsn()::text");
        await Until($"select coalesce(pg_last_wal_replay_lsn() >= '{end}', false)");
    }

    /// <summary>Beside the library, on a connection of its own.</summary>
    public async Task<T> Ask<T>(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public Task<bool> Has(Guid post) => Ask<bool>($"select exists (select 1 from post where id = '{post}')");

    private async Task Until(string condition, string? first = null)
    {
        if (first is not null)
        {
            await Ask<string>(first);
        }

        using var enough = new CancellationTokenSource(Patience);
        while (!await Ask<bool>(condition))
        {
            Assert.That(enough.IsCancellationRequested, Is.False, $"Within {Patience.TotalSeconds} s {Name} did not say yes to: {condition}");
        }
    }
}
