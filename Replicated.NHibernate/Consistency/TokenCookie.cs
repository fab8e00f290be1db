using System.Globalization;
using System.Runtime.InteropServices;

namespace Replicated.NHibernate.Consistency;

/// <summary>
/// A cookie for each write. A response cannot know what the client has got since it sent the request, so it changes only what
/// makes no difference to others: it sets a name of its own, and deletes what its own token says as well.
/// </summary>
/// <param name="Name">The cookie's name.</param>
/// <param name="Token">What it says; <see langword="null"/> where that is no token.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct TokenCookie(string Name, ConsistencyToken? Token)
{
    public const char Separator = '.';

    /// <summary>The others are deleted by later responses.</summary>
    public const int MostDeletions = 16;

    /// <summary>The name that a token's cookie has under <paramref name="prefix"/>: two commits with one place may share it.</summary>
    public static string NameOf(string prefix, ConsistencyToken token) => token.Position is { } place
        ? $"{prefix}{Separator}{place.Text}"
        : $"{prefix}{Separator}{token}";

    /// <summary>Which of the cookies that a request brought its response deletes.</summary>
    /// <param name="brought">What the request brought.</param>
    /// <param name="own">What the response sets; empty where it sets nothing.</param>
    /// <param name="prefix">What the names of the cookies begin with.</param>
    /// <param name="rules">Compares tokens with each other and with the slaves.</param>
    /// <param name="random">Chooses where there are too many: parallel responses then delete different ones.</param>
    public static List<string> Deleted(IReadOnlyList<TokenCookie> brought, TokenSet own, string prefix, ITokenOrder rules, Random random)
    {
        var (placed, timed) = (NameIn(own.Placed), NameIn(own.Timed));
        var deleted = new List<string>();
        foreach (var cookie in brought)
        {
            if (cookie.Name != placed && cookie.Name != timed && !deleted.Contains(cookie.Name) && IsNeedless(cookie.Token, own, rules))
            {
                deleted.Add(cookie.Name);
            }
        }

        if (deleted.Count > MostDeletions)
        {
            random.Shuffle(CollectionsMarshal.AsSpan(deleted));
            deleted.RemoveRange(MostDeletions, deleted.Count - MostDeletions);
        }

        return deleted;

        string? NameIn(ConsistencyToken? token) => token is { } set ? NameOf(prefix, set) : null;
    }

    private static bool IsNeedless(ConsistencyToken? brought, TokenSet own, ITokenOrder rules) =>
        brought is not { } token
        || (own.IsEmpty ? rules.IsPassed(token) : (own.Placed is { } placed && rules.Covers(placed, token)) || (own.Timed is { } timed && rules.Covers(timed, token)));
}

/// <summary>How tokens compare with each other and with what the slaves have.</summary>
internal interface ITokenOrder
{
    /// <summary>Whether reads that see what <paramref name="own"/> asks for see what <paramref name="other"/> asks for, too.</summary>
    bool Covers(ConsistencyToken own, ConsistencyToken other);

    /// <summary>Whether no slave needs to be told any more what the client wrote.</summary>
    bool IsPassed(ConsistencyToken token);
}
