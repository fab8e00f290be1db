using System.Globalization;
using System.Transactions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using NHibernate;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Each way to write is tokened, in each kind of transaction that it may run in.</summary>
[Promise(10)]
internal sealed class TokenedWritePathTests
{
    private SessionApp _app = null!;
    private SessionApp _withoutTransactions = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _app = await SessionApp.StartAsync(map: Map);
        _withoutTransactions = await SessionApp.StartAsync(settings: new() { ["Replicated:TransactionPerRequest"] = "false" }, map: Map);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _app.DisposeAsync();
        await _withoutTransactions.DisposeAsync();
    }

    public static IEnumerable<TestCaseData> Cases =>
        from path in WritePaths.All
        from kind in new[] { "the request's", "the application's", "a TransactionScope", "none" }
        where kind != "none" || IsSeen(path)
        select new TestCaseData(path, kind).SetArgDisplayNames(path.Name, kind);

    [TestCaseSource(nameof(Cases))]
    public async Task A_write_is_tokened_in_whichever_transaction(WritePath path, string kind)
    {
        var key = Guid.NewGuid();
        await Database.Execute(string.Format(CultureInfo.InvariantCulture, path.Seed, key));
        var before = await Database.Master.EndOfLog();
        var app = kind == "none" ? _withoutTransactions : _app;
        var answer = (await app.Send(HttpMethod.Post, $"/write/{path.Name}/{key}?kind={kind}")).Ok();
        Assert.That(await Database.Ask<bool>(string.Format(CultureInfo.InvariantCulture, path.Done, key)), Is.True);
        Assert.That(answer.Token?.Position?.Offset, Is.GreaterThan(before));
    }

    // NHibernate's own temporary tables need a transaction.
    private static bool IsSeen(WritePath path) => path.Name is not "HQL_update_of_a_joined_subclass";

    private static void Map(WebApplication app) => app.MapPost("/write/{path}/{key:guid}", async (string path, Guid key, string kind, HttpContext context) =>
    {
        Task Write() => Array.Find(WritePaths.All, p => p.Name == path)!.Write(context.RequestServices, key, true);
        switch (kind)
        {
            case "the application's":
                using (var transaction = context.Session().BeginTransaction())
                {
                    await Write();
                    await transaction.CommitAsync();
                }

                break;
            case "a TransactionScope":
                context.Session();
                using (var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
                {
                    await Write();
                    scope.Complete();
                }

                break;
            default:
                await Write();
                await context.Session().FlushAsync();
                break;
        }
    });
}
