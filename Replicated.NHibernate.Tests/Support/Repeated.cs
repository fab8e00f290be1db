using Npgsql;
using Replicated.NHibernate.Sample.Cluster;

namespace Replicated.NHibernate.Tests.Support;

/// <summary>Asks a server the same thing all the time, on a connection beside the library, until it is enough.</summary>
internal static class Repeated
{
    public static async Task Ask<T>(PostgresNode server, string sql, TimeSpan pace, Action<T> note, CancellationToken enough)
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString + ";Pooling=false");
        await connection.OpenAsync(CancellationToken.None);
        await using var question = new NpgsqlCommand(sql, connection);
        using var timer = new PeriodicTimer(pace);
        try
        {
            while (await timer.WaitForNextTickAsync(enough))
            {
                note((T)(await question.ExecuteScalarAsync(CancellationToken.None))!);
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }
}
