using Microsoft.Data.Sqlite;

namespace Replicated.NHibernate.Tests.Databases.Sqlite;

/// <summary>A database in a file of its own, gone when it is disposed.</summary>
internal sealed class SqliteFile : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("replicated-sqlite-").FullName;

    public string Path => System.IO.Path.Combine(_folder, "data.db");

    public string ConnectionString => $"Data Source={Path}";

    /// <param name="schema">What to make in it.</param>
    /// <param name="log">Whether readers go on beside the writer.</param>
    public static SqliteFile Create(string schema, bool log = true)
    {
        var file = new SqliteFile();
        file.Execute($"{(log ? "pragma journal_mode = wal; " : "")}{schema}");
        return file;
    }

    /// <summary>The same rows in another file.</summary>
    public SqliteFile Copy()
    {
        var copy = new SqliteFile();
        Execute($"vacuum into '{copy.Path}'");
        return copy;
    }

    public void Execute(string sql)
    {
        using var connection = Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    public T Ask<T>(string sql)
    {
        using var connection = Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return (T)Convert.ChangeType(command.ExecuteScalar()!, typeof(T), System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>Beside the library, and not from its pools.</summary>
    public SqliteConnection Open()
    {
        var connection = new SqliteConnection($"{ConnectionString};Pooling=False;Default Timeout=5");
        connection.Open();
        return connection;
    }

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }
}
