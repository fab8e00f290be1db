using Microsoft.Data.Sqlite;

namespace Replicated.NHibernate.Sample.Hosting;

/// <summary>A database in a file of the sample's own, where its configuration names none; gone when it is disposed.</summary>
internal sealed class PrivateFile : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("replicated-").FullName;

    private PrivateFile()
    {
    }

    public static PrivateFile? CreateUnlessConfigured(ConfigurationManager configuration)
    {
        if (!string.IsNullOrWhiteSpace(configuration.GetConnectionString("Master")))
        {
            return null;
        }

        var file = new PrivateFile();
        var path = Path.Combine(file._folder, "board.db");
        configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["ConnectionStrings:Master"] = $"Data Source={path}" });
        Console.WriteLine($"No connection strings are configured: the board is kept in {path}, gone when this program ends.");
        return file;
    }

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }
}
