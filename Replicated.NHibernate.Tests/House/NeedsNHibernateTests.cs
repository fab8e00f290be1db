using System.Text.RegularExpressions;
using NUnit.Framework.Interfaces;
using Replicated.NHibernate.Tests.Support;

namespace Replicated.NHibernate.Tests.House;

/// <summary>build.sh counts the tests that a build without NHibernate leaves out from a committed list; this holds the list true.</summary>
internal sealed partial class NeedsNHibernateTests
{
    [Test]
    public void The_committed_list_names_exactly_the_tests_that_need_NHibernate()
    {
        if (!SuiteTree.IsWhole)
        {
            Assert.Ignore("The runner built a part of the suite only; the list is compared when all of it runs.");
        }

        string[] needing = [.. SuiteTree.Leaves(SuiteTree.Root).Where(NeedsNHibernate).Select(test => test.FullName)];
        if (SourceTree.WithNHibernate)
        {
            new CommittedList("needs-nhibernate.txt").MustEqual(needing);
        }
        else
        {
            Assert.That(needing, Is.Empty, "These tests are in a build without NHibernate although their names say that they need it.");
        }
    }

    private static bool NeedsNHibernate(ITest test) =>
        test.FullName.StartsWith("Replicated.NHibernate.Tests.Sessions.", StringComparison.Ordinal) || ArgumentNHibernate.IsMatch(test.FullName);

    /// <summary>A fixture or a case with the argument NHibernate: the half of the suite that runs over sessions.</summary>
    [GeneratedRegex("""[(,]\s*"?NHibernate"?\s*[,)]""", RegexOptions.CultureInvariant)]
    private static partial Regex ArgumentNHibernate { get; }
}
