namespace Replicated.NHibernate.Tests.House;

/// <summary>How large types may be, and how entangled.</summary>
internal sealed class ShapeTests
{
    private const int MostLines = 300;
    private const int MostInACircle = 3;

    // Each is to be divided; none may grow.
    private static readonly Dictionary<string, int> Longer = new(StringComparer.Ordinal)
    {
        ["Replicated.NHibernate.Databases.SqlStatements"] = 440,
        ["Replicated.NHibernate.Nodes.NodePool"] = 600,
        ["Replicated.NHibernate.Nodes.NodeRegistry"] = 310,
        ["Replicated.NHibernate.Scopes.Scope"] = 480,
        ["Replicated.NHibernate.Web.RequestScope"] = 340,
    };

    [Test]
    public void No_type_is_longer_than_300_lines_its_parts_added_up_unless_listed() =>
        Assert.That(LibrarySources.Current.TypeLengths().Where(type => type.Lines > Longer.GetValueOrDefault(type.Type, MostLines)), Is.Empty);

    [Test]
    public void No_circle_of_types_in_Scopes_is_larger_than_three()
    {
        var mentions = LibrarySources.Current.TypeMentions()
            .Where(m => m.FromFolder.StartsWith("Scopes", StringComparison.Ordinal) && m.ToFolder.StartsWith("Scopes", StringComparison.Ordinal))
            .ToLookup(m => m.From, m => m.To, StringComparer.Ordinal);
        var reached = mentions.Select(m => m.Key).ToDictionary(type => type, type => Reached(type, mentions), StringComparer.Ordinal);
        var circles = reached.Keys.Select(type => string.Join(", ", reached[type].Where(other => reached.GetValueOrDefault(other)?.Contains(type) == true).Append(type).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)))
            .Distinct(StringComparer.Ordinal);
        Assert.That(circles.Where(circle => circle.Split(", ").Length > MostInACircle), Is.Empty);
    }

    private static HashSet<string> Reached(string type, ILookup<string, string> mentions)
    {
        var reached = new HashSet<string>(StringComparer.Ordinal);
        var next = new Stack<string>([type]);
        while (next.TryPop(out var current))
        {
            foreach (var other in mentions[current])
            {
                if (reached.Add(other))
                {
                    next.Push(other);
                }
            }
        }

        return reached;
    }
}
