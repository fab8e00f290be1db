using NUnit.Framework.Interfaces;

namespace Replicated.NHibernate.Tests.Evidence;

/// <summary>How many passed, failed, and did neither.</summary>
internal sealed record Count(int Passed, int Failed, int Skipped)
{
    public Count(IReadOnlyCollection<ITestResult> results)
        : this(
            results.Count(r => r.ResultState.Status is TestStatus.Passed),
            results.Count(r => r.ResultState.Status is TestStatus.Failed),
            results.Count(r => r.ResultState.Status is not (TestStatus.Passed or TestStatus.Failed)))
    {
    }

    /// <summary>A word where all agree, otherwise numbers.</summary>
    public string InWords() => this switch
    {
        { Failed: 0, Skipped: 0 } => "passed",
        { Passed: 0, Skipped: 0 } => "FAILED",
        { Passed: 0, Failed: 0 } => "skipped",
        _ => ToString(),
    };

    public override string ToString() => $"{Passed} passed, {Failed} failed, {Skipped} skipped";
}

/// <summary>One test method with all its cases and fixtures, as the page shows it.</summary>
internal sealed record Outcome(string Name, int Cases, Count Count, string? Reason)
{
    public static IEnumerable<Outcome> Of(IEnumerable<ITestResult> results) =>
        from result in results
        group result by $"{result.Test.TypeInfo?.Type.Name}.{result.Test.MethodName}" into test
        orderby test.Key
        select new Outcome(
            test.Key,
            test.Count(),
            new Count([.. test]),
            test.Where(r => r.ResultState.Status is TestStatus.Skipped && !string.IsNullOrWhiteSpace(r.Message)).Select(r => r.Message.ReplaceLineEndings(" ").Trim()).FirstOrDefault());

    public override string ToString() =>
        $"`{Name}`{(Cases == 1 ? "" : $" ({Cases} cases)")}: {Count.InWords()}{(Reason is null ? "" : $" ({Reason})")}";
}
