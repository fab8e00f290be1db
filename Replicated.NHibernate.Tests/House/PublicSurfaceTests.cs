using Replicated.NHibernate.Tests.Support;

namespace Replicated.NHibernate.Tests.House;

/// <summary>What users can see is what two committed files say: one for every build, one for what Sessions/ adds to it.</summary>
internal sealed class PublicSurfaceTests
{
    [Test]
    public void The_public_surface_is_the_committed_one() =>
        new CommittedList("PublicApi.txt").MustEqual(Lines(fromSessions: false));

    [Test]
    public void The_public_surface_that_needs_NHibernate_is_the_committed_one()
    {
        if (!SourceTree.WithNHibernate)
        {
            Assert.That(Lines(fromSessions: true), Is.Empty, "A build without NHibernate has public types of Sessions/.");
            return;
        }

        new CommittedList("PublicApi.Sessions.txt").MustEqual(Lines(fromSessions: true));
    }

    private static IEnumerable<string> Lines(bool fromSessions)
    {
        var ofSessions = LibrarySources.Current.DeclaredTypes().Where(declared => declared.Room == "Sessions").Select(declared => declared.Type).ToHashSet(StringComparer.Ordinal);
        return LibraryAssembly.Value.GetExportedTypes()
            .Where(type => !type.Name.Contains('<') && ofSessions.Contains(OutermostName(type)) == fromSessions)
            .SelectMany(PublicSurface.Of);
    }

    private static string OutermostName(Type type) =>
        type.DeclaringType is { } outer ? OutermostName(outer) : type.FullName!.Split('`')[0];
}
