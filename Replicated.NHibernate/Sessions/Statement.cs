namespace Replicated.NHibernate.Sessions;

/// <summary>What the first words of a text's statements tell. They can be deceived, which is why the database's own switch stands behind it.</summary>
internal static class Statement
{
    private static readonly string[] WritingWords =
    [
        "insert", "update", "delete", "merge", "truncate", "create", "drop", "alter", "replace", "rename", "do", "copy", "load", "grant", "revoke", "comment", "refresh",
        "vacuum", "reindex", "cluster",
    ];

    private static readonly string[] ModifyingWords = ["insert", "update", "delete", "merge"];

    /// <summary>The word with which a statement of the text writes, or an empty one.</summary>
    public static ReadOnlySpan<char> WritingWord(string sql)
    {
        var text = SqlWords.SkipComments(sql);
        var first = SqlWords.WordAt(text);
        if (IsAnyOf(WritingWords, first))
        {
            return first;
        }

        return IsWith(first) || HasSeveral(sql) ? AnyWritingWord(text) : default;
    }

    /// <summary>Whether the text may be more than one statement. NHibernate reads the first one's result, and does not hear of an error in another.</summary>
    public static bool HasSeveral(string sql) => sql.AsSpan().TrimEnd("; \t\r\n").Contains(';');

    /// <summary>For a message: the kind of the statement, never its text, which may hold a client's data.</summary>
    public static string KindOf(string sql)
    {
        var word = WritingWord(sql);
        word = word.IsEmpty ? SqlWords.WordAt(SqlWords.SkipComments(sql)) : word;
        return word.IsEmpty ? "a statement" : $"a statement ({word.ToString().ToUpperInvariant()})";
    }

    private static ReadOnlySpan<char> AnyWritingWord(ReadOnlySpan<char> text)
    {
        var words = new SqlWords(text);
        var inWith = false;
        while (words.Next())
        {
            if (words.Before == ';')
            {
                inWith = IsWith(words.Word);
            }

            // with t as (update …, or after the last parenthesis the statement that with belongs to.
            if (IsAnyOf(WritingWords, words.Word) && words.Before == ';'
                || inWith && words.Before is '(' or ')' && IsAnyOf(ModifyingWords, words.Word))
            {
                return words.Word;
            }
        }

        return default;
    }

    private static bool IsWith(ReadOnlySpan<char> word) => word.Equals("with", StringComparison.OrdinalIgnoreCase);

    private static bool IsAnyOf(string[] words, ReadOnlySpan<char> word)
    {
        foreach (var candidate in words)
        {
            if (word.Equals(candidate, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }
}
