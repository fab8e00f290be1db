namespace Replicated.NHibernate.Tests.Support;

/// <summary>A sorted text file in the tests' folder, held equal to what the code says; lines that begin with # are remarks.</summary>
internal sealed class CommittedList(string fileName)
{
    public const string UpdateSwitch = "REPLICATED_UPDATE_LISTS";

    private string FilePath => SourceTree.PathOf("Replicated.NHibernate.Tests", fileName);

    public string[] Entries => [.. Lines().Where(line => !IsRemark(line))];

    public void MustEqual(IEnumerable<string> actual)
    {
        string[] wanted = [.. actual.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        var entries = Entries;
        if (entries.SequenceEqual(wanted, StringComparer.Ordinal))
        {
            return;
        }

        if (Environment.GetEnvironmentVariable(UpdateSwitch) == "1")
        {
            File.WriteAllLines(FilePath, [.. Lines().Where(IsRemark), .. wanted]);
            Assert.Pass($"{fileName} is written afresh: read the difference and commit it.");
        }

        Assert.Fail(Difference(entries, wanted));
    }

    private string Difference(string[] entries, string[] wanted)
    {
        var missing = wanted.Except(entries, StringComparer.Ordinal).Select(line => $"  not in the file: {line}");
        var surplus = entries.Except(wanted, StringComparer.Ordinal).Select(line => $"  only in the file: {line}");
        string[] lines = [.. missing, .. surplus];
        var what = lines.Length == 0 ? "  the order, or a line that stands twice" : string.Join('\n', lines);
        return $"{fileName} differs from the code:\n{what}\nIf the code is right: {UpdateSwitch}=1 ./build.sh test, and commit the file.";
    }

    private string[] Lines() => File.Exists(FilePath) ? [.. File.ReadLines(FilePath).Where(line => line.Length > 0)] : [];

    private static bool IsRemark(string line) => line.StartsWith('#');
}
