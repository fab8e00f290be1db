using Npgsql;

namespace Replicated.NHibernate.Sample.Servers;

/// <summary>One configured server, asked directly and not through a route.</summary>
internal sealed record DatabaseServer(string Name, DatabaseRole Role, string ConnectionString)
{
    private const int Seconds = 2;

    public async Task<NpgsqlConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        // Not pooled: the question is whether the server answers now.
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(ConnectionString)
        {
            Pooling = false,
            Timeout = Seconds,
            CommandTimeout = Seconds,
        }.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }
}
