using System.Buffers;

namespace Replicated.NHibernate.Sessions;

/// <summary>
/// What a query may do on a slave beside reading, told from its words: lock rows, take a number from a sequence, make a table, execute
/// what it explains, leave the database's read-only mode. They can be deceived like those of <see cref="Statement"/>.
/// </summary>
internal static class SlaveStatement
{
    private const string ReadOnlySetting = "transaction_read_only";

    // Without one of these there is nothing to look for, which is so for nearly every query.
    private static readonly SearchValues<string> Traces = SearchValues.Create(
        ["for", "into", "nextval", "setval", "lo_", "analyze", "analyse", "read"], StringComparison.OrdinalIgnoreCase);

    private static readonly string[] WritingFunctions =
        ["nextval", "setval", "lo_create", "lo_creat", "lo_from_bytea", "lo_import", "lo_put", "lo_unlink"];

    private static readonly string[] ExplainedWords = ["insert", "update", "delete", "merge", "create"];

    /// <summary>What the query would do beside reading, for a message, or null.</summary>
    public static string? Trespass(string sql)
    {
        if (!sql.AsSpan().ContainsAny(Traces))
        {
            return null;
        }

        var words = new SqlWords(sql);
        var kind = new QueryKind(sql.Contains(ReadOnlySetting, StringComparison.OrdinalIgnoreCase));
        while (words.Next())
        {
            if (kind.After(words.Word, words.Before) is { } trespass)
            {
                return trespass;
            }
        }

        return null;
    }

    private static bool Is(ReadOnlySpan<char> word, string other) => word.Equals(other, StringComparison.OrdinalIgnoreCase);

    private static bool IsAnyOf(string[] words, ReadOnlySpan<char> word)
    {
        foreach (var candidate in words)
        {
            if (Is(word, candidate))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>What is known of the statement after each of its words.</summary>
    private ref struct QueryKind(bool namesReadOnlySetting)
    {
        private ReadOnlySpan<char> _first;
        private ReadOnlySpan<char> _previous;
        private ReadOnlySpan<char> _beforePrevious;
        private bool _locks;
        private bool _executes;

        public string? After(ReadOnlySpan<char> word, char before)
        {
            if (before == ';')
            {
                (_locks, _executes) = (false, false);
                _first = word;
                _previous = _beforePrevious = default;
            }

            var follows = before == 'a';
            var trespass = Of(word, follows);
            // FOR UPDATE, FOR NO KEY UPDATE, FOR SHARE, FOR KEY SHARE.
            _locks = Is(word, "for") || _locks && follows && (Is(word, "no") || Is(word, "key"));
            _executes |= Is(_first, "explain") && (Is(word, "analyze") || Is(word, "analyse"));
            _beforePrevious = _previous;
            _previous = word;
            return trespass;
        }

        private readonly string? Of(ReadOnlySpan<char> word, bool follows) =>
            _locks && follows && (Is(word, "update") || Is(word, "share")) ? "SELECT FOR UPDATE"
            : Is(word, "into") && !Is(_first, "explain") ? "SELECT INTO"
            : IsAnyOf(WritingFunctions, word) ? word.ToString().ToUpperInvariant()
            : follows && Is(word, "for") && Is(_previous, "value") && Is(_beforePrevious, "next") ? "NEXT VALUE FOR"
            : _executes && IsAnyOf(ExplainedWords, word) ? "EXPLAIN ANALYZE"
            : Leaves(word) ? "SET TRANSACTION READ WRITE"
            : null;

        private readonly bool Leaves(ReadOnlySpan<char> word) =>
            namesReadOnlySetting && (Is(_first, "set") || Is(word, "set_config"))
            || Is(word, "write") && Is(_previous, "read") && (Is(_first, "set") || Is(_first, "begin") || Is(_first, "start"));
    }
}
