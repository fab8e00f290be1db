namespace Replicated.NHibernate.Tests.Support.MariaDb;

/// <summary>Where this machine keeps MariaDB's server programs.</summary>
internal static class MariaDbBinaries
{
    /// <summary>The environment variable that names the folder, where it cannot be found.</summary>
    public const string FolderVariable = "REPLICATED_MARIADB_BIN";

    private static readonly string[] Folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/usr/libexec", "/opt/homebrew/bin"];

    public static string Server => Find("mariadbd")!;

    public static string Install => Find("mariadb-install-db")!;

    /// <summary>Skips the test, with the remedy, on a machine that has none.</summary>
    public static void Require() => Prerequisite.Require(
        Find("mariadbd") is not null && Find("mariadb-install-db") is not null,
        "MariaDB's server (mariadbd, mariadb-install-db)",
        $"Debian, Ubuntu: apt-get install mariadb-server-core, which starts no service; elsewhere set {FolderVariable} to the folder of both.");

    private static string? Find(string program)
    {
        var named = Environment.GetEnvironmentVariable(FolderVariable);
        return (string.IsNullOrEmpty(named) ? Folders : [named]).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
    }
}
