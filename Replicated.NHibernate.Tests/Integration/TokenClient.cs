using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Sample.Cluster;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>A client that keeps its cookies, as a browser does.</summary>
internal sealed class TokenClient(WorkApp app)
{
    public const string CookieName = "replicated-token";
    public const string Header = "Replicated-Token";
    private static readonly Uri Site = new("http://site.test/");

    private readonly CookieContainer _cookies = new();

    /// <summary>The names of the cookies that the next request will carry.</summary>
    public string[] Cookies => [.. _cookies.GetCookies(Site).Select(c => c.Name)];

    /// <summary>The token that the next request will carry; the one that counts where there are several.</summary>
    public string? Cookie
    {
        get => _cookies.GetCookies(Site).Where(c => c.Name.StartsWith(CookieName, StringComparison.Ordinal)).Select(c => ConsistencyToken.Parse(c.Value)).Cast<ConsistencyToken?>()
            .Aggregate((ConsistencyToken?)null, (all, next) => all is { } former ? ConsistencyToken.Max(former, next!.Value) : next)?.ToString();
        set => _cookies.Add(Site, new Cookie(CookieName, value, "/"));
    }

    public ConsistencyToken Token => ConsistencyToken.Parse(Cookie);

    /// <summary>A cookie of the application's own.</summary>
    public void Keep(string name) => _cookies.Add(Site, new Cookie(name, "the application's", "/"));

    public Task<Reply> Get(Func<HttpContext, Task> work, string path = "/run") => Send(HttpMethod.Get, work, path);

    public Task<Reply> Post(Func<HttpContext, Task> work, string path = "/run") => Send(HttpMethod.Post, work, path);

    /// <summary>Writes a post, and gives its id.</summary>
    public async Task<Guid> Write(string title = "a post")
    {
        var id = Guid.NewGuid();
        (await Post(context => context.Board().AddAsync(id, title))).Ok();
        return id;
    }

    /// <summary>A GET that asks the server where it is, and whether it has a post there.</summary>
    public async Task<(Place Place, bool Has, string? Route)> Read(Guid id, string path = "/run")
    {
        var (place, has) = (new Place(0, InRecovery: false), false);
        var reply = await Get(
            async context =>
            {
                place = await context.Board().WhereAsync();
                has = await context.Board().HasAsync(id);
            },
            path);
        return (place, has, reply.Ok().Route);
    }

    private async Task<Reply> Send(HttpMethod method, Func<HttpContext, Task> work, string path)
    {
        (string, string)[] headers = _cookies.GetCookieHeader(Site) is { Length: > 0 } cookies ? [("Cookie", cookies)] : [];
        var reply = await app.Send(method, path, work, headers: headers);
        foreach (var cookie in reply.SetCookies)
        {
            _cookies.SetCookies(Site, cookie);
        }

        return reply;
    }
}

internal static class Tokens
{
    /// <summary>The cookie that the answer sets.</summary>
    public static string? CookieOfToken(this Reply reply) =>
        reply.SetCookies.SingleOrDefault(c => c.StartsWith(TokenClient.CookieName + ".", StringComparison.Ordinal) && !c.Contains("=;"));

    /// <summary>The names of the cookies that the answer deletes.</summary>
    public static string[] DeletedCookies(this Reply reply) =>
        [.. reply.SetCookies.Where(c => c.StartsWith(TokenClient.CookieName, StringComparison.Ordinal) && c.Contains("=; max-age=0")).Select(c => c.Split('=')[0])];

    /// <summary>The token of an answer, which says the same in cookie and header; none in both is null.</summary>
    public static ConsistencyToken? Carried(this Reply reply)
    {
        var cookie = reply.CookieOfToken()?.Split('=', ';')[1];
        Assert.That(cookie, Is.EqualTo(reply.TokenHeader));
        return cookie is null ? null : ConsistencyToken.Parse(cookie);
    }

    /// <summary>Asks every server how far it is, as the application does by itself from time to time.</summary>
    public static async Task Sample(this WorkApp app)
    {
        var pool = app.Services.GetRequiredService<NodePool>();
        foreach (var node in pool.Slaves.Prepend(pool.Master))
        {
            await using var connection = pool.Provider.Create(node.ReadOnlyConnectionString);
            await connection.OpenAsync();
            await app.Services.GetRequiredService<NodeQuestions>().Sample(node, connection, CancellationToken.None);
        }
    }

    /// <summary>An application that has asked every server once, and does not by itself again while a test lasts.</summary>
    public static async Task<WorkApp> QuietApp(
        this OwnNodes nodes, UnitOfWork unit, Dictionary<string, string?>? settings = null, int slaves = 2, Func<PostgresNode, string>? connect = null)
    {
        var app = await nodes.App(unit, new(settings ?? []) { ["Replicated:Probe:Interval"] = "00:01:00" }, slaves, connect);
        var pool = app.Services.GetRequiredService<NodePool>();
        (await app.Post(context => context.Board().ExecuteAsync($"insert into post (id, title) values ('{Guid.NewGuid()}', 'the first')"))).Ok();
        await Until(
            () => Task.FromResult(pool.Positions is null || (pool.Master.Reading is not null && Array.TrueForAll(pool.Slaves, s => s.Reading is not null))),
            "every server has been asked");
        return app;
    }

    /// <summary>Until the application knows that a slave has what was written up to a place.</summary>
    public static Task UntilKnown(this WorkApp app, string slave, Position position)
    {
        var node = Array.Find(app.Services.GetRequiredService<NodePool>().Slaves, n => n.Name == slave)!;
        return Until(
            async () =>
            {
                await app.Sample();
                return node.Reading?.Position.Offset >= position.Offset;
            },
            $"{slave} is known to have the write");
    }

    /// <summary>Until what is known of every server is so.</summary>
    public static Task UntilAll(this WorkApp app, Predicate<NodeState> state)
    {
        var pool = app.Services.GetRequiredService<NodePool>();
        return Until(() => Task.FromResult(!pool.HasSlaves || Array.TrueForAll([pool.Master, .. pool.Slaves], n => state(n.Health.State))), "what is known of the servers");
    }

    /// <summary>Until this is known of a server.</summary>
    public static Task UntilNode(this WorkApp app, string name, NodeState state)
    {
        var pool = app.Services.GetRequiredService<NodePool>();
        return Until(() => Task.FromResult(pool.Slaves.Prepend(pool.Master).Single(n => n.Name == name).Health.State == state), $"{name} is {state}");
    }

    public static Place MasterPlace(this OwnNodes nodes) => new(nodes.Master.Port, InRecovery: false);

    /// <summary>Until a read waits on this slave for what it has not replayed.</summary>
    public static Task UntilAsked(this PostgresNode slave) =>
        slave.UntilTrue("select exists (select 1 from pg_stat_activity where query like 'with recursive p(%' and state = 'active')");

    /// <summary>Until a server says so.</summary>
    public static Task UntilTrue(this PostgresNode node, string sql) => Until(() => SharedCluster.Ask<bool>(node, sql), sql);

    /// <summary>The end of a master's log, as the server numbers it.</summary>
    public static async Task<ulong> EndOfLog(this PostgresNode node) =>
        (ulong)await SharedCluster.Ask<decimal>(node, "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn");

    private static async Task Until(Func<Task<bool>> condition, string what)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!await condition())
        {
            await Task.Yield();
            Assert.That(patience.IsCancellationRequested, Is.False, $"Within 30 s it was not so: {what}");
        }
    }
}
