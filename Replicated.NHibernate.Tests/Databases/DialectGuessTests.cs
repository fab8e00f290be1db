using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;
using Replicated.NHibernate.Tests.Nodes;
using Replicated.NHibernate.Tests.Support.Profiling;

namespace Replicated.NHibernate.Tests.Databases;

/// <summary>Which database it is, and what is asked of it.</summary>
[Promise(10)]
internal sealed class DialectGuessTests
{
    [Test]
    public void Driver_is_known_by_the_keywords_that_it_takes()
    {
        Assert.That(Guess(NpgsqlFactory.Instance), Is.EqualTo(("PostgreSQL", true)));
        Assert.That(Guess(new ProfiledFactory(NpgsqlFactory.Instance, batches: true)), Is.EqualTo(("PostgreSQL", true)));
        Assert.That(Guess(new ProfiledFactory(NpgsqlFactory.Instance, batches: true, lazy: true)).ByString, Is.False, "It takes whatever it is given.");
        Assert.That(Guess(new FakeServers()).Name, Is.EqualTo("a database of no known kind"));
    }

    [Test]
    public void Server_has_the_last_word([Values("PostgreSQL 15.4 on x86_64", "10.11.4-MariaDB", "8.0.36", null)] string? version)
    {
        var confirmed = new GenericDialect("Some.Connection").Confirmed(version);
        Assert.That(confirmed is PostgreSqlDialect, Is.EqualTo(version?.StartsWith("PostgreSQL", StringComparison.Ordinal) == true));
        Assert.That(confirmed is MySqlDialect, Is.EqualTo(version?.Contains("MariaDB", StringComparison.Ordinal) == true));
    }

    [Test]
    public async Task What_the_database_cannot_do_is_said_once_when_the_application_starts()
    {
        var log = new RecordedLog();
        await using var services = new FakeServers().Services(1, TimeProvider.System, s => s.AddLogging(l => l.AddProvider(log)));
        using var prober = services.GetServices<IHostedService>().OfType<Prober>().Single();
        await prober.StartAsync(default);
        Assert.That(() => log.Messages(33).Count(), Is.EqualTo(1).After(30_000, 1));
        await prober.StopAsync(default);
        services.GetRequiredService<NodePool>().SayWhatIsOff();
        Assert.That(log.Messages(33).Single(), Does.Contain("positions").And.Contain("the read-only mode").And.Contain("the commit that tells what was written"));
    }

    [Test]
    public async Task Another_connection_hears_whether_a_transaction_has_written()
    {
        var dialect = DatabaseProvider.From(NpgsqlFactory.Instance).Dialect;
        await using var working = new NpgsqlConnection(SharedCluster.Master.ConnectionString);
        await working.OpenAsync();
        await using var transaction = await working.BeginTransactionAsync();
        var backend = (long)(await Scalar(working, dialect.BackendQuery!))!;
        var read = await HasWritten();
        await Scalar(working, $"insert into post (id, title) values ('{Guid.NewGuid()}', 'never')");
        var wrote = await HasWritten();
        await transaction.RollbackAsync();
        Assert.That((read, wrote, await HasWritten()), Is.EqualTo((false, true, false)));

        Task<bool> HasWritten() => SharedCluster.Ask<bool>(SharedCluster.Master, dialect.BackendHasWrittenQuery(backend));
    }

    private static (string Name, bool ByString) Guess(System.Data.Common.DbProviderFactory factory)
    {
        var dialect = DatabaseProvider.From(factory).Dialect;
        return (dialect.Name, dialect.SwitchesByConnectionString);
    }

    private static async Task<object?> Scalar(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
