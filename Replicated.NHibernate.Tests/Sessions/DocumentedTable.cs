using Replicated.NHibernate.Tests.Support;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>The lines of a table in docs/, between two remarks that carry its name, held equal to what a test has seen.</summary>
internal sealed class DocumentedTable(string page, string name)
{
    private string Begin => $"<!-- {name}: written by a test -->";

    private string End => $"<!-- end of {name} -->";

    public void MustEqual(IReadOnlyList<string> lines)
    {
        var file = SourceTree.PathOf("docs", page);
        var all = File.ReadAllLines(file);
        var (begin, end) = (Array.IndexOf(all, Begin), Array.IndexOf(all, End));
        Assert.That((begin, end), Is.EqualTo((Math.Max(begin, 0), Math.Max(end, begin + 3))), $"docs/{page} has no lines {Begin} and {End} with a table's head between them.");
        // A blank line, the head, and the line below it stand before the lines; a blank line behind them.
        var head = begin + 4;
        string[] documented = [.. all[head..(end - 1)]];
        if (documented.SequenceEqual(lines, StringComparer.Ordinal))
        {
            return;
        }

        if (Environment.GetEnvironmentVariable(CommittedList.UpdateSwitch) == "1")
        {
            File.WriteAllLines(file, [.. all[..head], .. lines, .. all[(end - 1)..]]);
            Assert.Pass($"The table {name} of docs/{page} is written afresh: read the difference and commit it.");
        }

        var missing = lines.Except(documented, StringComparer.Ordinal).Select(line => $"  not in the page: {line}");
        var surplus = documented.Except(lines, StringComparer.Ordinal).Select(line => $"  only in the page: {line}");
        Assert.Fail($"docs/{page} differs from what happens:\n{string.Join('\n', missing.Concat(surplus))}\nIf what happens is right: {CommittedList.UpdateSwitch}=1 ./build.sh test, and commit the file.");
    }
}
