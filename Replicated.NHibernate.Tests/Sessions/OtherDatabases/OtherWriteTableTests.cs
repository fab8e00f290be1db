using System.Data.Common;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Scopes;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions.OtherDatabases;

/// <summary>Each way to write, on a slave that is a writable server of another database: which layer refuses it, with and without the read-only mode.</summary>
[Promise(12)]
internal abstract class OtherWriteTableTests(string table)
{
    private const string Written = "**nothing**";

    // Neither database has sequences or batches for NHibernate, nor Npgsql's commands.
    private static readonly WritePath[] Paths =
        [.. WritePaths.All.Concat(WritePaths.OnSlaves).Where(p => !p.Name.Contains("sequence", StringComparison.Ordinal) && p.Name != "Stateless_batch" && !p.IsUnguarded())];

    private OtherDatabase _database = null!;
    private SessionApp _with = null!;
    private SessionApp _without = null!;

    protected abstract OtherDatabase Create();

    [OneTimeSetUp]
    public async Task Start()
    {
        _database = Create();
        (_with, _without) = (await App(readOnlySwitch: true), await App(readOnlySwitch: false));
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        if (_database is not null)
        {
            await _with.DisposeAsync();
            await _without.DisposeAsync();
            await _database.DisposeAsync();
        }
    }

    [Test]
    public async Task The_documented_table_is_what_happens()
    {
        var lines = new List<string>();
        Assert.That(Paths, Has.Length.GreaterThanOrEqualTo(60).And.Unique);
        foreach (var path in Paths)
        {
            var (with, without) = (await Tried(_with, path), await Tried(_without, path));
            Assert.That(with.Rows, Is.Zero, $"{path} with the read-only mode: {with.Layer}");
            Assert.That(without.Rows == 0 || without.Layer.Contains(Written, StringComparison.Ordinal), $"{path} without it: {without}");
            lines.Add($"| {path.Name.Replace('_', ' ')} | {with.Layer} | {without.Layer} | {with.Rows} | {without.Rows} |");
        }

        lines.ForEach(TestContext.Out.WriteLine);
        new DocumentedTable("databases.md", table).MustEqual(lines);
    }

    private Task<SessionApp> App(bool readOnlySwitch) => SessionApp.StartAsync(
        new()
        {
            ["ConnectionStrings:Master"] = _database.ConnectionString,
            ["ConnectionStrings:Slave"] = _database.ConnectionString,
            ["Replicated:ReadOnlySwitch"] = readOnlySwitch ? "true" : "false",
        },
        _database.Configure,
        map: app => app.MapGet("/write/{path}/{key:guid}", (string path, Guid key, bool async, HttpContext context) =>
            Array.Find(Paths, p => p.Name == path)!.Write(context.RequestServices, key, async)),
        slaves: 0);

    /// <summary>The layer, and the rows that changed on the server, in the worse of the two forms of a path.</summary>
    private async Task<(string Layer, int Rows)> Tried(SessionApp app, WritePath path)
    {
        var layers = new List<string>();
        var rows = 0;
        foreach (var async in WritePaths.SyncAndAsync)
        {
            var key = Guid.NewGuid();
            await _database.Execute(string.Format(CultureInfo.InvariantCulture, path.Seed, key));
            var before = await _database.Everything();
            var answer = await app.Send(HttpMethod.Get, $"/write/{path.Name}/{key}?async={async}");
            var after = await _database.Everything();
            rows = Math.Max(rows, Math.Max(after.Except(before).Count(), before.Except(after).Count()));
            layers.Add(Layer(app, path, key, answer));
        }

        return (string.Join(" / ", layers.Distinct(StringComparer.Ordinal)), rows);
    }

    private static string Layer(SessionApp app, WritePath path, Guid key, Answer answer)
    {
        for (var thrown = answer.Thrown; thrown is not null; thrown = thrown.InnerException)
        {
            if (thrown is SlaveWriteException refused)
            {
                Assert.That(refused.Message, Does.Contain(string.Format(CultureInfo.InvariantCulture, path.Attempt, key)).And.Contain("[UseMaster]").Or.Contain("master's factory"), path.Name);
                return Named(refused.Layer);
            }

            if (thrown is DbException said)
            {
                Assert.That(app.Services.GetRequiredService<DatabaseProvider>().Dialect.IsReadOnlyRefusal(said), Is.False, $"{path}: the refusal is not translated.");
                return $"not there ({DatabaseDialect.NameOf(said)})";
            }
        }

        Assert.That(answer.Thrown, Is.Null, path.Name);
        return answer.IsSuccess ? Written : answer.Status.ToString();
    }

    private static string Named(WriteLayer layer) => layer switch
    {
        WriteLayer.Call => "call",
        WriteLayer.IsolatedWork => "isolated work",
        WriteLayer.Flush => "flush",
        WriteLayer.Statement => "statement",
        _ => "database",
    };
}

[TestFixture]
internal sealed class SqliteWriteTableTests() : OtherWriteTableTests("write-paths-sqlite")
{
    protected override OtherDatabase Create() => new SqliteShop();
}

[TestFixture]
internal sealed class MariaDbWriteTableTests() : OtherWriteTableTests("write-paths-mariadb")
{
    protected override OtherDatabase Create()
    {
        Support.MariaDb.MariaDbBinaries.Require();
        return new MariaDbShop();
    }
}
