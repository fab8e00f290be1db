using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Npgsql;
using Replicated.NHibernate.Scopes;
using Replicated.NHibernate.Sessions;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Each way to write, on a slave that is a writable server: which layer refuses it, with and without the database's switch.</summary>
[Promise(12)]
internal sealed class SlaveWriteTableTests
{
    private const string Written = "**nothing**";

    private static readonly WritePath[] Paths = [.. WritePaths.All, .. WritePaths.OnSlaves];

    private Guarded _database = null!;
    private SessionApp _with = null!;
    private SessionApp _without = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _database = await Guarded.Create();
        (_with, _without) = (await App(readOnlySwitch: true), await App(readOnlySwitch: false));
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _with.DisposeAsync();
        await _without.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task The_documented_table_is_what_happens()
    {
        var lines = new List<string>();
        Assert.That(Paths, Has.Length.GreaterThanOrEqualTo(20).And.Unique);
        foreach (var path in Paths)
        {
            var (with, without) = (await Tried(_with, path), await Tried(_without, path));
            Assert.That(with.Rows, Is.Zero, $"{path} with the switch: {with.Layer}");
            Assert.That(without.Rows == 0 || without.Layer == Written, $"{path} without the switch: {without}");
            lines.Add($"| {path.Name.Replace('_', ' ')} | {with.Layer} | {without.Layer} | {with.Rows} | {without.Rows} |");
        }

        foreach (var line in lines)
        {
            TestContext.Out.WriteLine(line);
        }

        foreach (var app in new[] { _with, _without })
        {
            var (slave, master) = (app.Factories.Slave.Statistics, app.Factories.Master.Statistics);
            Assert.That((slave.SecondLevelCachePutCount, slave.QueryCachePutCount, master.SecondLevelCachePutCount, master.QueryCachePutCount), Is.EqualTo((0L, 0L, 0L, 0L)));
            Assert.That((slave.EntityInsertCount, slave.EntityUpdateCount, slave.EntityDeleteCount, slave.CollectionUpdateCount), Is.EqualTo((0L, 0L, 0L, 0L)));
        }

        new DocumentedTable("nhibernate.md", "write-paths").MustEqual(lines);
    }

    private static Task<SessionApp> App(bool readOnlySwitch) => SessionApp.StartAsync(
        new()
        {
            ["ConnectionStrings:Master"] = Guarded.ConnectionString,
            ["ConnectionStrings:Slave"] = Guarded.ConnectionString,
            ["Replicated:ReadOnlySwitch"] = readOnlySwitch ? "true" : "false",
        },
        Guarded.Configure,
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
            layers.Add(Layer(path, key, answer));
        }

        return (string.Join(" / ", layers.Distinct(StringComparer.Ordinal)), rows);
    }

    private static string Layer(WritePath path, Guid key, Answer answer)
    {
        switch (answer.Thrown)
        {
            // A batch of queries converts whatever was thrown, and keeps it inside.
            case SlaveWriteException or global::NHibernate.Exceptions.GenericADOException { InnerException: SlaveWriteException }:
                var refused = answer.Thrown as SlaveWriteException ?? (SlaveWriteException)answer.Thrown.InnerException!;
                Assert.That(refused.Message, Does.Contain(string.Format(CultureInfo.InvariantCulture, path.Attempt, key)).And.Matches(@"\[UseMaster\].*UseMaster\(\)|Open it on the master's factory"), path.Name);
                Assert.That(refused.Message, Does.Contain("Endpoint GET /write/{path}/{key:guid} (no node chosen yet, reason verb)")
                    .Or.Contain("Endpoint GET /write/{path}/{key:guid} (node slave-1, reason verb)").Or.Contain("a session opened on the slave's factory"), path.Name);
                return Named(refused.Layer);
            case PostgresException { SqlState: "25006" }:
                return "database, as `PostgresException`";
            case null when answer.IsSuccess:
                return Written;
            default:
                Assert.Fail($"{path}: {answer.Status} {answer.Thrown}");
                return "";
        }
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
