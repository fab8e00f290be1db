using System.Globalization;
using Npgsql;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>What the servers' processes that work for one application have used of the processor, by the system's own count. Linux only; elsewhere nothing.</summary>
internal sealed class Backends(IReadOnlyList<string> servers, string application)
{
    private const string Mine = "select pid from pg_stat_activity where application_name = $1";

    public async Task<TimeSpan> UsedAsync()
    {
        var nanoseconds = 0L;
        foreach (var server in servers)
        {
            await using var connection = new NpgsqlConnection(server);
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand(Mine, connection) { Parameters = { new() { Value = application } } };
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
            {
                var file = $"/proc/{reader.GetInt32(0)}/schedstat";
                nanoseconds += File.Exists(file) ? long.Parse((await File.ReadAllTextAsync(file)).Split(' ')[0], CultureInfo.InvariantCulture) : 0;
            }
        }

        return TimeSpan.FromMicroseconds(nanoseconds / 1000.0);
    }
}
