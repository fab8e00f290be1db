using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using NHibernate.Cfg;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Each way to write through a driver that wraps Npgsql's: committed with a token on the master, refused on a slave.</summary>
[Promise(10), Promise(12)]
internal sealed class ProfiledWritePathTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync(
        configure: () => Database.Configure().BuildConfiguration().SetProperty(global::NHibernate.Cfg.Environment.ConnectionDriver, typeof(ProfiledDriver).AssemblyQualifiedName),
        map: app => app.MapMethods("/write/{path}/{key:guid}", ["GET", "POST"], (string path, Guid key, bool async, HttpContext context) =>
            Array.Find(WritePaths.All, p => p.Name == path)!.Write(context.RequestServices, key, async)));

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    // That one asks for Npgsql's own connection, which a wrapping driver does not show.
    public static IEnumerable<TestCaseData> Cases =>
        from path in WritePaths.All
        where !path.IsUnguarded()
        from async in WritePaths.SyncAndAsync
        select new TestCaseData(path, async).SetArgDisplayNames(path.Name, async ? "async" : "sync");

    [TestCaseSource(nameof(Cases))]
    public async Task Post_commits_it_with_a_place_and_a_get_is_refused(WritePath path, bool async)
    {
        var key = Guid.NewGuid();
        await Database.Execute(string.Format(CultureInfo.InvariantCulture, path.Seed, key));
        await Database.Cluster.WaitForSlavesAsync();
        var url = $"/write/{path.Name}/{key}?async={async}";
        var refused = await _app.Send(HttpMethod.Get, url);
        Assert.That(refused.Thrown, Is.InstanceOf<SlaveWriteException>().With.Message.Contains("[UseMaster]"));
        Assert.That(await IsDone(path, key), Is.False);

        var written = await _app.Send(HttpMethod.Post, url);
        Assert.That((written.Ok().Token?.Position is not null, await IsDone(path, key)), Is.EqualTo((true, true)));
    }

    [Test]
    public async Task Everything_went_through_the_driver_and_nothing_is_left()
    {
        var name = Guid.NewGuid().ToString();
        ProfiledDriver.Executed.Clear();
        (await _app.Post(session => session.CreateSQLQuery($"insert into note values (gen_random_uuid(), '{name}')").ExecuteUpdate())).Ok();
        Assert.That(ProfiledDriver.Executed, Has.Some.Contains(name).And.Some.Contains("txid_current_if_assigned"));
        Assert.That(_app.Log.Messages(33), Is.Empty, "Nothing is off.");
        await Leftovers.AreNone(_app);
    }

    private static Task<bool> IsDone(WritePath path, Guid key) => Database.Ask<bool>(string.Format(CultureInfo.InvariantCulture, path.Done, key));
}
