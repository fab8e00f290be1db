using System.Reflection;

namespace Replicated.NHibernate.Tests.Support;

/// <summary>Where the sources are that this assembly was built from, and what it was built with.</summary>
internal static class SourceTree
{
    public static string Root { get; } = Metadata("SourceTree");

    public static bool WithNHibernate { get; } = !string.Equals(Metadata("WithNHibernate"), "false", StringComparison.OrdinalIgnoreCase);

    public static string PathOf(params string[] parts)
    {
        Assert.That(Directory.Exists(Root), $"The tests were built from {Root}, which is gone: build them again where the sources are now.");
        return Path.Combine([Root, .. parts]);
    }

    private static string Metadata(string key) =>
        typeof(SourceTree).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!;
}
