using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using NHibernate;
using Npgsql;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>The database's read-only switch on whatever connects for a slave's factory, and what would take it away again.</summary>
[Promise(12)]
internal sealed class ReadOnlySwitchTests
{
    private const string Mode = "select current_setting('default_transaction_read_only')";

    [Test]
    public async Task Every_session_of_the_slaves_factory_has_it_and_none_of_the_masters([Values] bool readOnlySwitch)
    {
        await using var app = await SessionApp.StartAsync(OnMaster(readOnlySwitch), slaves: 0);
        var expected = readOnlySwitch ? "on" : "off";
        var routed = await app.Get(context => Task.FromResult(SessionApp.Done($"{context.Session().Scalar(Mode)} {context.Stateless().CreateSQLQuery(Mode).UniqueResult()}")));
        Assert.That(routed.Ok().Body, Is.EqualTo($"{expected} {expected}"));
        Assert.That((await app.Post(session => session.Scalar(Mode))).Ok().Body, Is.EqualTo("off"));
        Assert.That((await OutsideRouting(app.Factories.Slave), await OutsideRouting(app.Factories.Master)), Is.EqualTo(($"{expected} {expected}", "off off")));
    }

    [Test]
    public async Task A_session_outside_routing_is_not_enlisted_in_a_TransactionScope_on_the_slaves_factory()
    {
        await using var app = await SessionApp.StartAsync(OnMaster(readOnlySwitch: true), slaves: 0);
        using var scope = new System.Transactions.TransactionScope(System.Transactions.TransactionScopeAsyncFlowOption.Enabled);
        using var session = app.Factories.Slave.OpenSession();
        Assert.That(session.Scalar(Mode), Is.EqualTo("on"));
        Assert.That(System.Transactions.Transaction.Current!.TransactionInformation.DistributedIdentifier, Is.EqualTo(Guid.Empty));
        Assert.That(new NpgsqlConnectionStringBuilder(session.Connection.ConnectionString).Enlist, Is.False);
    }

    [Test, Promise(5)]
    public void A_slave_whose_connections_keep_what_their_last_user_set_is_refused_at_start_up([Values("No Reset On Close=true", "NoResetOnClose=True", "no reset on close=TRUE")] string keyword) =>
        Assert.That(
            () => SessionApp.StartAsync(Slave(keyword, readOnlySwitch: true), slaves: 0),
            Throws.InstanceOf<OptionsValidationException>().With.Message.Contains("slave-1 has No Reset On Close=true").And.Message.Contains("Replicated:ReadOnlySwitch to false").And.Message.Not.Contains("Host="));

    [Test, Promise(5)]
    public async Task It_is_taken_where_there_is_no_switch_to_lose([Values("No Reset On Close=true", "No Reset On Close=false")] string keyword)
    {
        await using var app = await SessionApp.StartAsync(Slave(keyword, readOnlySwitch: keyword.EndsWith("false", StringComparison.Ordinal)), slaves: 0);
        Assert.That((await app.Get(session => session.Scalar("select 1"))).Ok().Body, Is.EqualTo("1"));
    }

    [Test]
    public async Task With_No_Reset_On_Close_the_next_user_of_a_connection_writes()
    {
        // Why it is refused.
        var connectionString = new NpgsqlConnectionStringBuilder(Database.Master.ConnectionString)
        {
            NoResetOnClose = true,
            Options = "-c default_transaction_read_only=on",
            MaxPoolSize = 1,
        }.ConnectionString;
        Assert.That((await Ask("set default_transaction_read_only = off"), await Ask("show default_transaction_read_only")), Is.EqualTo(((object?)null, "off")));

        async Task<object?> Ask(string sql)
        {
            await using var connection = new NpgsqlConnection(connectionString);
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand(sql, connection);
            return await command.ExecuteScalarAsync();
        }
    }

    [Test]
    public void On_a_master_that_stands_in_for_a_slave_it_is_dropped()
    {
        var provider = DatabaseProvider.From(NpgsqlFactory.Instance);
        const string Own = "Host=db1;No Reset On Close=true";
        Assert.That(new NpgsqlConnectionStringBuilder(provider.Dialect.ReadOnlyConnectionString(Own, readOnlySwitch: true)).NoResetOnClose, Is.False);
        Assert.That(new NpgsqlConnectionStringBuilder(provider.Dialect.ReadOnlyConnectionString(Own, readOnlySwitch: false)).NoResetOnClose, Is.True);
    }

    private static Dictionary<string, string?> OnMaster(bool readOnlySwitch) => new()
    {
        ["ConnectionStrings:Slave"] = Database.Master.ConnectionString,
        ["Replicated:ReadOnlySwitch"] = readOnlySwitch ? "true" : "false",
    };

    private static Dictionary<string, string?> Slave(string keyword, bool readOnlySwitch) => new()
    {
        ["ConnectionStrings:Slave"] = $"{Database.Cluster.Slaves[0].ConnectionString};{keyword}",
        ["Replicated:ReadOnlySwitch"] = readOnlySwitch ? "true" : "false",
    };

    private static async Task<string> OutsideRouting(ISessionFactory factory)
    {
        using var session = factory.OpenSession();
        using var other = factory.OpenSession();
        return $"{session.Scalar(Mode)} {await other.CreateSQLQuery(Mode).UniqueResultAsync<string>()}";
    }
}
