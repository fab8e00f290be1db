namespace Replicated.NHibernate.Sessions;

/// <summary>What the first word of a statement tells. It can be deceived, which is why the database's own switch stands behind it.</summary>
internal static class Statement
{
    private static readonly string[] WritingWords = ["insert", "update", "delete", "merge", "truncate", "create", "drop", "alter", "replace"];

    public static bool Writes(string sql)
    {
        var text = FirstWordOn(sql);
        foreach (var word in WritingWords)
        {
            if (text.StartsWith(word, StringComparison.OrdinalIgnoreCase) && (text.Length == word.Length || !char.IsLetterOrDigit(text[word.Length])))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>For a message: the kind of the statement, never its text, which may hold a client's data.</summary>
    public static string KindOf(string sql)
    {
        var text = FirstWordOn(sql);
        var length = 0;
        while (length < text.Length && char.IsAsciiLetter(text[length]))
        {
            length++;
        }

        return length == 0 ? "a statement" : $"a statement ({text[..length].ToString().ToUpperInvariant()})";
    }

    private static ReadOnlySpan<char> FirstWordOn(string sql)
    {
        var text = sql.AsSpan().TrimStart();
        while (true)
        {
            if (text.StartsWith("/*") && text.IndexOf("*/") is var close and >= 0)
            {
                text = text[(close + 2)..].TrimStart();
            }
            else if (text.StartsWith("--") && text.IndexOf('\n') is var end and >= 0)
            {
                text = text[(end + 1)..].TrimStart();
            }
            else
            {
                return text;
            }
        }
    }
}
