using Npgsql;
using Replicated.NHibernate.Sample.Hosting;

namespace Replicated.NHibernate.Sample.Servers;

/// <summary>One configured server, asked directly and not through a route.</summary>
internal sealed record DatabaseServer(string Name, DatabaseRole Role, string ConnectionString)
{
    private const int Seconds = 2;

    public async Task<NpgsqlConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        var connection = new NpgsqlConnection(Impatient());
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

    private string Impatient()
    {
        try
        {
            // Not pooled: the question is whether the server answers now.
            return new NpgsqlConnectionStringBuilder(ConnectionString) { Pooling = false, Timeout = Seconds, CommandTimeout = Seconds }.ConnectionString;
        }
        catch (ArgumentException fault)
        {
            throw new StartUpException($"The connection string of {Name} is not one for PostgreSQL: {fault.Message}", fault);
        }
    }
}
