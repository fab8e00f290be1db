namespace Replicated.NHibernate.Tests.Support;

/// <summary>Something that the machine must have: without it a developer's run skips, and a run with CI=true fails.</summary>
internal static class Prerequisite
{
    public static bool OnCi { get; } = string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase);

    public static void Require(bool there, string what, string remedy)
    {
        if (there)
        {
            return;
        }

        var message = $"{what} is missing. {remedy}";
        if (OnCi)
        {
            Assert.Fail(message);
        }

        Assert.Ignore(message);
    }
}
