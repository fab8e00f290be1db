using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using NUnit.Framework.Interfaces;

namespace Replicated.NHibernate.Tests.Evidence;

/// <summary>docs/evidence.md: each promise, its tests, their results, and what they ran on.</summary>
internal static class EvidencePage
{
    public static void Write(string file, ITestResult suite)
    {
        ITestResult[] results = [.. Leaves(suite)];
        var page = new StringBuilder()
            .Append("# Evidence\n\nWritten by `./build.sh evidence`. Each promise of the library, the tests that fail when it breaks, and what they said.\n\n");
        Facts(page, results);
        Overview(page, results);
        foreach (var (number, text) in Promises.All)
        {
            page.Append($"\n## {number}. {text}\n\n");
            Outcome[] outcomes = [.. Outcome.Of(results.Where(r => Keeps(r.Test, number)))];
            page.AppendJoin("", outcomes.Length == 0 ? ["Not yet.\n"] : outcomes.Select(o => $"- {o}\n"));
        }

        File.WriteAllText(file, page.ToString());
    }

    private static void Facts(StringBuilder page, ITestResult[] results) => page
        .Append("| | |\n|---|---|\n")
        .Append($"| commit | {Given("REPLICATED_COMMIT") ?? "unknown"} |\n")
        .Append($"| runtime | {RuntimeInformation.FrameworkDescription} |\n")
        .Append($"| system | {RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture} |\n")
        .Append($"| PostgreSQL | {Given("REPLICATED_POSTGRES_VERSION") ?? "unknown"} |\n")
        .Append($"| NHibernate | {NHibernateVersion()}, {Given("REPLICATED_NHIBERNATE_ORIGIN") ?? "the package of the feed"} |\n")
        .Append($"| tests | {new Count(results)} |\n\n");

    private static void Overview(StringBuilder page, ITestResult[] results)
    {
        page.Append("| # | Promise | Tests | Result |\n|---|---|---|---|\n");
        foreach (var (number, text) in Promises.All)
        {
            ITestResult[] own = [.. results.Where(r => Keeps(r.Test, number))];
            page.Append($"| {number} | {text} | {own.Length} | {(own.Length == 0 ? "not yet" : new Count(own).InWords())} |\n");
        }
    }

    private static bool Keeps(ITest? test, int promise) =>
        test is not null && (test.Properties[PromiseAttribute.PropertyName].Contains(promise) || Keeps(test.Parent, promise));

    private static IEnumerable<ITestResult> Leaves(ITestResult result) =>
        result.Test.IsSuite ? result.Children.SelectMany(Leaves) : [result];

    private static string NHibernateVersion()
    {
        var file = Path.Combine(AppContext.BaseDirectory, "NHibernate.dll");
        return File.Exists(file) ? FileVersionInfo.GetVersionInfo(file).ProductVersion ?? "unknown" : "absent";
    }

    private static string? Given(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : null;
}
