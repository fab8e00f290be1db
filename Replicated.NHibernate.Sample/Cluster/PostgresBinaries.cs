using System.Globalization;

namespace Replicated.NHibernate.Sample.Cluster;

/// <summary>Where this machine keeps PostgreSQL's server programs.</summary>
public sealed class PostgresBinaries
{
    /// <summary>The environment variable that names the folder, where it cannot be found.</summary>
    public const string FolderVariable = "REPLICATED_PG_BIN";

    private static readonly string[] Needed = ["initdb", "postgres", "pg_basebackup"];

    private PostgresBinaries(string folder) => Folder = folder;

    /// <summary>The folder that holds all of them.</summary>
    public string Folder { get; }

    internal string InitDb => Path.Combine(Folder, "initdb");

    internal string Postgres => Path.Combine(Folder, "postgres");

    internal string BaseBackup => Path.Combine(Folder, "pg_basebackup");

    /// <summary>Finds the programs.</summary>
    /// <exception cref="PostgresNotFoundException">There are none; the message says what to do about it.</exception>
    public static PostgresBinaries Find()
    {
        if (Environment.GetEnvironmentVariable(FolderVariable) is { Length: > 0 } named)
        {
            return IsComplete(named)
                ? new PostgresBinaries(named)
                : throw new PostgresNotFoundException(
                    $"{FolderVariable} is '{named}', and that folder lacks {string.Join(" or ", Needed.Where(name => !File.Exists(Path.Combine(named, name))))}. " +
                    "Set it to the folder of PostgreSQL's server programs, or unset it to have them searched for.");
        }

        return Candidates().FirstOrDefault(IsComplete) is { } folder
            ? new PostgresBinaries(folder)
            : throw new PostgresNotFoundException(
                "PostgreSQL's server programs (initdb, postgres, pg_basebackup) were not found on this machine. Debian, Ubuntu: " +
                "'apt-get install postgresql'; Fedora: 'dnf install postgresql-server'; macOS: 'brew install postgresql@17'. " +
                $"Where they are installed in an unusual place, set {FolderVariable} to the folder.");
    }

    private static bool IsComplete(string folder) => Needed.All(name => File.Exists(Path.Combine(folder, name)));

    private static IEnumerable<string> Candidates() =>
    [
        .. OnPath(),
        .. Versions("/usr/lib/postgresql", "*", "bin"),
        .. Versions("/usr", "pgsql-*", "bin"),
        .. Versions("/opt/homebrew/opt", "postgresql*", "bin"),
        .. Versions("/usr/local/opt", "postgresql*", "bin"),
        .. Versions("/Applications/Postgres.app/Contents/Versions", "*", "bin"),
    ];

    // A folder on the path often holds links to some of the programs only: the folder they point to holds all.
    private static IEnumerable<string> OnPath() =>
        from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        let postgres = new FileInfo(Path.Combine(folder, "postgres"))
        where postgres.Exists
        from candidate in new[] { folder, Path.GetDirectoryName(postgres.ResolveLinkTarget(returnFinalTarget: true)?.FullName) }
        where candidate is not null
        select candidate;

    private static IEnumerable<string> Versions(string parent, string pattern, string child) =>
        Directory.Exists(parent)
            ? Directory.EnumerateDirectories(parent, pattern).OrderByDescending(Number).Select(folder => Path.Combine(folder, child))
            : [];

    private static double Number(string folder)
    {
        var digits = string.Concat(Path.GetFileName(folder).Where(character => char.IsAsciiDigit(character) || character == '.'));
        return double.TryParse(digits, CultureInfo.InvariantCulture, out var number) ? number : 0;
    }
}

/// <summary>No PostgreSQL server programs on this machine.</summary>
public sealed class PostgresNotFoundException(string message) : InvalidOperationException(message);
