using Microsoft.Playwright;

namespace Replicated.NHibernate.Tests.Support;

/// <summary>The system's Chromium, driven by Playwright; nothing is downloaded.</summary>
internal static class Chromium
{
    private static readonly string[] Names =
        ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "microsoft-edge-stable"];

    public static async Task<IBrowser> LaunchAsync(IPlaywright playwright)
    {
        var path = Find();
        Prerequisite.Require(path is not null, "Chromium", "On Debian: sudo apt-get install -y chromium. Elsewhere: any Chromium or Chrome on the PATH.");

        // Chromium refuses its sandbox to root, and a container's /dev/shm is small.
        string[] args = Environment.IsPrivilegedProcess ? ["--no-sandbox", "--disable-dev-shm-usage"] : ["--disable-dev-shm-usage"];
        return await playwright.Chromium.LaunchAsync(new() { ExecutablePath = path, Args = args });
    }

    private static string? Find() =>
        (from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
         from name in Names
         let path = Path.Combine(folder, name)
         where File.Exists(path)
         select path).FirstOrDefault();
}
