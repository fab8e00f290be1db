using System.Data;
using Npgsql;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Tests.Nodes;

/// <summary>At which level a provider's transaction reads one moment.</summary>
internal sealed class SnapshotLevelTests
{
    [TestCase("Microsoft.Data.SqlClient.SqlConnection", IsolationLevel.Snapshot)]
    [TestCase("System.Data.SqlClient.SqlConnection", IsolationLevel.Snapshot)]
    [TestCase("MySqlConnector.MySqlConnection", IsolationLevel.RepeatableRead)]
    public void It_follows_from_the_class_of_connections(string connectionType, IsolationLevel level) =>
        Assert.That(new GenericDialect(connectionType).SnapshotLevel, Is.EqualTo(level));

    [Test]
    public void Npgsqls_is_repeatable_read() =>
        Assert.That(DatabaseProvider.From(NpgsqlFactory.Instance).SnapshotLevel, Is.EqualTo(IsolationLevel.RepeatableRead));
}
