namespace Replicated.NHibernate.Tests.House;

/// <summary>A folder per feature, imports in one direction only: this table is the house's plan.</summary>
internal sealed class RoomTests
{
    private static readonly Dictionary<string, string[]> Rooms = new(StringComparer.Ordinal)
    {
        ["Diagnostics"] = [],
        ["Routing"] = [],
        ["Positions"] = [],
        ["Databases"] = ["Positions", "Diagnostics"],
        ["Settings"] = ["Routing", "Diagnostics"],
        ["Nodes"] = ["Routing", "Databases", "Positions", "Settings", "Diagnostics"],
        ["Consistency"] = ["Databases", "Positions", "Nodes", "Settings", "Diagnostics"],
        ["Scopes"] = ["Consistency", "Nodes", "Databases", "Positions", "Routing", "Settings", "Diagnostics"],
        ["Web"] = ["Scopes", "Consistency", "Nodes", "Databases", "Positions", "Routing", "Settings", "Diagnostics"],
        ["Registration"] = ["Web", "Scopes", "Consistency", "Nodes", "Databases", "Positions", "Routing", "Settings", "Diagnostics"],
        // What every registration has in common calls the web part; the sessions themselves know nothing of it.
        ["Sessions"] = ["Registration", "Scopes", "Consistency", "Nodes", "Databases", "Positions", "Routing", "Settings", "Diagnostics"],
    };

    [Test]
    public void The_plan_of_the_rooms_has_no_circle()
    {
        var built = new HashSet<string>(StringComparer.Ordinal);
        while (Rooms.FirstOrDefault(room => !built.Contains(room.Key) && room.Value.All(built.Contains)) is { Key: { } next })
        {
            built.Add(next);
        }

        Assert.That(Rooms.Keys.Except(built, StringComparer.Ordinal), Is.Empty, "These rooms import each other, or a room that is not in the plan.");
    }

    [Test]
    public void Every_type_lives_in_one_room_of_the_plan()
    {
        Assert.Multiple(() =>
        {
            foreach (var type in LibrarySources.Current.DeclaredTypes().GroupBy(declared => declared.Type, declared => declared.Room, StringComparer.Ordinal))
            {
                string[] rooms = [.. type.Distinct(StringComparer.Ordinal)];
                Assert.That(rooms, Has.Length.EqualTo(1), $"{type.Key} is spread over several rooms.");
                Assert.That(Rooms.Keys, Is.SupersetOf(rooms), $"{type.Key} is in no room: move it into one, or add its folder to the plan in RoomTests.");
            }
        });
    }

    [Test]
    public void A_room_mentions_only_the_rooms_below_it()
    {
        var wrong = LibrarySources.Current.Mentions()
            .Where(mention => !Rooms.GetValueOrDefault(mention.Room, []).Contains(mention.ImportedRoom))
            .Select(mention => $"{mention.File}:{mention.Line} mentions {mention.Type} of {mention.ImportedRoom}; {mention.Room} imports {Names(mention.Room)}");

        Assert.That(wrong.Distinct(), Is.Empty);
    }

    [Test]
    public void The_sources_are_understood() =>
        Assert.That(LibrarySources.Current.UnknownNames(), Is.Empty, "The compiler does not know these names, so the test of the mentions may have missed some.");

    private static string Names(string room) => Rooms.GetValueOrDefault(room, []) is { Length: > 0 } names ? string.Join(", ", names) : "none";
}
