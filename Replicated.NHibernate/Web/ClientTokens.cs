using Microsoft.AspNetCore.Http;
using Replicated.NHibernate.Consistency;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Scopes;
using CacheControlHeaderValue = Microsoft.Net.Http.Headers.CacheControlHeaderValue;

namespace Replicated.NHibernate.Web;

/// <summary>
/// The tokens that a request brought and that its response carries, by cookie, and by header for clients without cookies. One for a request, however often
/// its pipeline runs: two runs may both have written. Not thread-safe, like its HttpContext.
/// </summary>
internal sealed class ClientTokens
{
    private readonly HttpContext _context;
    private readonly ScopeServices _services;
    private IReadOnlyList<TokenCookie> _brought = [];
    private TokenSet _received;
    private TokenSet _carried;
    private bool _isRead;
    private bool _answers;
    private bool _saidLost;

    private ClientTokens(HttpContext context, ScopeServices services) => (_context, _services) = (context, services);

    /// <summary>Whether the client has to be told of something, and can be.</summary>
    public bool IsWaiting => !_carried.IsEmpty && !_context.Response.HasStarted;

    private ReadYourWritesOptions Options => _services.Settings.Value.Options.ReadYourWrites;

    public static bool IsSent(HttpContext context, ReadYourWritesOptions options) =>
        context.Request.Headers.Cookie.Count > 0 || context.Request.Headers.ContainsKey(options.Header);

    public static ClientTokens? Of(HttpContext context) => context.Features.Get<ClientTokens>();

    public static ClientTokens Of(HttpContext context, ScopeServices services)
    {
        var tokens = Of(context);
        if (tokens is null)
        {
            tokens = new ClientTokens(context, services);
            context.Features.Set(tokens);
        }

        return tokens;
    }

    public TokenSet Received()
    {
        if (!_isRead)
        {
            _isRead = true;
            var reader = new TokenReader(_services.Tokens, Options.Cookie.Name!);
            reader.ReadHeader(_context.Request.Headers[Options.Header]);
            if (reader.ReadCookies(_context.Request.Headers.Cookie) is { } cookies)
            {
                _brought = cookies;
                Answer();
            }

            _received = reader.Tokens;
        }

        return _received;
    }

    public void PublishToken(ConsistencyToken token, bool isCommit)
    {
        _carried = _services.Tokens.With(_carried, token);
        Answer();
        if (isCommit && _context.Response.HasStarted && _services.HasSlaves)
        {
            Lost();
        }
    }

    private void Lost()
    {
        _services.Metrics.TokenLost();
        if (!_saidLost)
        {
            _saidLost = true;
            _services.Logger.TokenLost(RequestName.Of(_context).ToString());
        }
    }

    private void Answer()
    {
        // After the first byte a token is only for who asks IReplicatedSessions.
        if (!_answers && !_context.Response.HasStarted)
        {
            _answers = true;
            _context.Response.OnStarting(static state => ((ClientTokens)state).Write(), this);
        }
    }

    private Task Write()
    {
        // Who has written may not have looked yet at what came with the request.
        Received();
        var (cookies, options) = (_context.Response.Cookies, Options.Cookie.Build(_context));
        Set(_carried.Placed, options);
        Set(_carried.Timed, options);
        if (!_carried.IsEmpty)
        {
            _context.Response.Headers[Options.Header] = _carried.ToString();
        }
        else if (IsSharable(_context.Response.Headers.CacheControl))
        {
            // A later response deletes what is needless; this one may be stored and sent to others.
            return Task.CompletedTask;
        }

        var deleted = TokenCookie.Deleted(_brought, _carried, Options.Cookie.Name!, _services.Tokens, Random.Shared);
        if (deleted.Count > 0)
        {
            var deletion = Deletion(options);
            deleted.ForEach(name => cookies.Append(name, "", deletion));
        }

        if (deleted.Count > 0 || !_carried.IsEmpty)
        {
            KeepFromSharedCaches();
        }

        return Task.CompletedTask;
    }

    private void Set(ConsistencyToken? token, CookieOptions options)
    {
        if (token is { } set)
        {
            options.MaxAge = Options.TokenLifetime;
            _context.Response.Cookies.Append(TokenCookie.NameOf(Options.Cookie.Name!, set), set.ToString(), options);
        }
    }

    // What a browser needs to find the cookie, and to accept the deletion, and no more: there may be many.
    private static CookieOptions Deletion(CookieOptions set)
    {
        var deletion = new CookieOptions
        {
            Domain = set.Domain,
            IsEssential = set.IsEssential,
            MaxAge = TimeSpan.Zero,
            Path = set.Path,
            SameSite = set.SameSite == SameSiteMode.None ? SameSiteMode.None : SameSiteMode.Unspecified,
            Secure = set.Secure,
        };
        foreach (var extension in set.Extensions)
        {
            deletion.Extensions.Add(extension);
        }

        return deletion;
    }

    // Said by the application: a response without this header is kept from shared caches below.
    private static bool IsSharable(string? cacheControl) =>
        cacheControl is { Length: > 0 } && CacheControlHeaderValue.TryParse(cacheControl, out var said) && said is { NoStore: false, Private: false };

    private void KeepFromSharedCaches()
    {
        var headers = _context.Response.Headers;
        if (headers.CacheControl.Count == 0)
        {
            headers.CacheControl = "private";
        }
        else if (IsSharable(headers.CacheControl))
        {
            var said = CacheControlHeaderValue.Parse(headers.CacheControl.ToString());
            (said.Public, said.Private, said.SharedMaxAge) = (false, true, null);
            headers.CacheControl = said.ToString();
        }
    }
}
