using System.Buffers;
using Microsoft.Extensions.Primitives;

namespace Replicated.NHibernate.Consistency;

/// <summary>Reads the tokens of a request. What a client can make it read is bounded: so many of them, each of so many characters.</summary>
internal sealed class TokenReader(TokenValidator rules, string cookieName)
{
    /// <summary>More than a browser keeps for one site (180).</summary>
    public const int MostTokens = 200;

    private static readonly SearchValues<char> InName = SearchValues.Create("0123456789abcdef-_");

    private int _left = MostTokens;

    public TokenSet Tokens { get; private set; }

    /// <summary>The values of the header, each of one token or several.</summary>
    public void ReadHeader(StringValues values)
    {
        foreach (var value in values)
        {
            var rest = value.AsSpan();
            foreach (var part in rest.Split(','))
            {
                if (_left-- <= 0)
                {
                    return;
                }

                Tokens = rules.With(Tokens, rules.Accept(rest[part].Trim()));
            }
        }
    }

    /// <summary>The header Cookie. Not the parsed collection: that would show one of two cookies with one name, and none that is empty.</summary>
    public List<TokenCookie>? ReadCookies(StringValues values)
    {
        List<TokenCookie>? found = null;
        foreach (var value in values)
        {
            var rest = value.AsSpan();
            foreach (var part in rest.Split(';'))
            {
                var cookie = rest[part].Trim();
                if (cookie.IndexOf('=') is var equals && equals > 0 && IsOurs(cookie[..equals]) && _left-- > 0)
                {
                    (found ??= []).Add(Read(cookie[..equals], cookie[(equals + 1)..]));
                }
            }
        }

        return found;
    }

    private TokenCookie Read(ReadOnlySpan<char> name, ReadOnlySpan<char> text)
    {
        Tokens = rules.With(Tokens, rules.Accept(text));
        return new TokenCookie(name.ToString(), ConsistencyToken.TryParse(text, out var token) ? token : null);
    }

    // The name alone as well: a client that makes its cookie by hand needs no name for each write.
    private bool IsOurs(ReadOnlySpan<char> name)
    {
        if (!name.StartsWith(cookieName, StringComparison.Ordinal))
        {
            return false;
        }

        var own = name[cookieName.Length..];
        return own.IsEmpty || (own[0] == TokenCookie.Separator && own.Length <= ConsistencyToken.MaxPositionLength + 1 && !own[1..].ContainsAnyExcept(InName));
    }
}
