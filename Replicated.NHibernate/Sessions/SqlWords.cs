namespace Replicated.NHibernate.Sessions;

/// <summary>The bare words of an SQL text, each with the last character before it that counts; what is quoted or commented out is skipped.</summary>
internal ref struct SqlWords(ReadOnlySpan<char> text)
{
    private readonly ReadOnlySpan<char> _text = text;
    private char _last = ';';
    private int _at;

    public ReadOnlySpan<char> Word { get; private set; }

    /// <summary>A semicolon before the first word of a statement.</summary>
    public char Before { get; private set; }

    public static ReadOnlySpan<char> SkipComments(ReadOnlySpan<char> text)
    {
        text = text.TrimStart();
        while (CommentAt(text) is > 0 and var length)
        {
            text = text[length..].TrimStart();
        }

        return text;
    }

    public static ReadOnlySpan<char> WordAt(ReadOnlySpan<char> text)
    {
        var length = 0;
        while (length < text.Length && (char.IsLetterOrDigit(text[length]) || text[length] == '_'))
        {
            length++;
        }

        return text[..length];
    }

    public bool Next()
    {
        while (_at < _text.Length)
        {
            var rest = _text[_at..];
            var skipped = CommentAt(rest) + QuotedAt(rest);
            if (skipped > 0 || char.IsWhiteSpace(rest[0]))
            {
                // A quoted thing counts as one, a comment or a space does not.
                _last = rest[0] is '\'' or '"' or '$' ? rest[0] : _last;
                _at += Math.Max(skipped, 1);
                continue;
            }

            var word = WordAt(rest);
            if (word.IsEmpty)
            {
                _last = rest[0];
                _at++;
                continue;
            }

            Before = _last;
            Word = word;
            _last = 'a';
            _at += word.Length;
            return true;
        }

        return false;
    }

    private static int CommentAt(ReadOnlySpan<char> text) =>
        text.StartsWith("/*") ? LengthUntil(text, 2, "*/")
        : text.StartsWith("--") ? LengthUntil(text, 2, "\n")
        : 0;

    // A doubled quote ends one thing and begins the next, which is as good.
    private static int QuotedAt(ReadOnlySpan<char> text)
    {
        if (text[0] is '\'' or '"')
        {
            return LengthUntil(text, 1, text[..1]);
        }

        if (text[0] != '$')
        {
            return 0;
        }

        var tag = WordAt(text[1..]).Length + 2;
        return tag <= text.Length && text[tag - 1] == '$' ? LengthUntil(text, tag, text[..tag]) : 0;
    }

    private static int LengthUntil(ReadOnlySpan<char> text, int from, ReadOnlySpan<char> end) =>
        text[from..].IndexOf(end) is >= 0 and var found ? from + found + end.Length : text.Length;
}
