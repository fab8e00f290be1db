using System.Text.RegularExpressions;
using Replicated.NHibernate.Tests.Support;

namespace Replicated.NHibernate.Tests.House;

/// <summary>What depends on the database stands in Databases/, and nowhere else.</summary>
internal sealed partial class DialectTests
{
    [Test]
    public void No_code_outside_Databases_names_a_function_a_code_or_the_driver_of_one_database()
    {
        var root = SourceTree.PathOf("Replicated.NHibernate");
        var wrong =
            from file in Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories)
            let path = Path.GetRelativePath(root, file).Replace('\\', '/')
            where !path.StartsWith("Databases/", StringComparison.Ordinal) && !path.StartsWith("obj/", StringComparison.Ordinal) && !path.StartsWith("bin/", StringComparison.Ordinal)
            from line in File.ReadLines(file).Index()
            where OfOneDatabase.IsMatch(line.Item)
            select $"{path}:{line.Index + 1}: {line.Item.Trim()}";
        Assert.That(wrong, Is.Empty);
    }

    [TestCase("e.SqlState == \"42501\"", true)]
    [TestCase("\"select pg_is_in_recovery()\"", true)]
    [TestCase("ConnectionType == \"Npgsql.NpgsqlConnection\"", true)]
    [TestCase("provider.IsNpgsql", true)]
    [TestCase("/// such as <c>NpgsqlFactory.Instance</c>", false)]
    [TestCase("return 12345;", false)]
    public void Line_is_told_from_others(string line, bool ofOneDatabase) => Assert.That(OfOneDatabase.IsMatch(line), Is.EqualTo(ofOneDatabase));

    [GeneratedRegex("""IsNpgsql|"[0-9][0-9A-Z]{4}"|\b(?:pg|txid)_[a-z]|"Npgsql\.""", RegexOptions.CultureInvariant)]
    private static partial Regex OfOneDatabase { get; }
}
