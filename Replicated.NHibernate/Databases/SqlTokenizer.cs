namespace Replicated.NHibernate.Databases;

/// <summary>Cuts an SQL text into its tokens without allocating. Never throws: what is not closed goes on to the end of the text.</summary>
internal ref struct SqlTokenizer(ReadOnlySpan<char> text, SqlSyntax syntax)
{
    private readonly ReadOnlySpan<char> _text = text;
    private readonly SqlSyntax _syntax = syntax;
    private int _at;
    private bool _inExecutedComment;
    private bool _mayIndex;

    public SqlTokenKind Kind { get; private set; }

    /// <summary>The token, without its quotes.</summary>
    public ReadOnlySpan<char> Text { get; private set; }

    public bool Next()
    {
        while (_at < _text.Length)
        {
            var rest = _text[_at..];
            if (char.IsWhiteSpace(rest[0]))
            {
                _at++;
            }
            else if (SkippedAt(rest) is > 0 and var skipped)
            {
                _at += skipped;
            }
            else
            {
                _at += Read(rest);
                // x[1] indexes, while "from [order]" names.
                _mayIndex = Kind == SqlTokenKind.QuotedName || (Kind == SqlTokenKind.Symbol && Text[0] is ']' or ')')
                    || (Kind == SqlTokenKind.Word && (_at < _text.Length && _text[_at] == '[' || Text.Equals("array", StringComparison.OrdinalIgnoreCase)));
                return true;
            }
        }

        return false;
    }

    private static bool IsWordStart(char c) => char.IsLetter(c) || c == '_' || c >= 0x80;

    private static int WordLength(ReadOnlySpan<char> text)
    {
        var length = 0;
        while (length < text.Length && (IsWordStart(text[length]) || char.IsDigit(text[length]) || text[length] == '$' && length > 0))
        {
            length++;
        }

        return length;
    }

    private int Read(ReadOnlySpan<char> rest)
    {
        switch (rest[0])
        {
            case '\'':
                return Quoted(rest, 0, _syntax == SqlSyntax.MySql ? SqlTokenKind.EscapedString : SqlTokenKind.String);
            case '"':
                return Quoted(rest, 0, _syntax == SqlSyntax.MySql ? SqlTokenKind.EscapedString : SqlTokenKind.QuotedName);
            case '`' when _syntax != SqlSyntax.PostgreSql:
                return Quoted(rest, 0, SqlTokenKind.QuotedName);
            case '[' when _syntax == SqlSyntax.Any && !_mayIndex:
                return Quoted(rest, 0, SqlTokenKind.QuotedName);
            case '$' when _syntax != SqlSyntax.MySql && DollarTag(rest) is > 0 and var tag:
                return DollarQuoted(rest, tag);
            case >= '0' and <= '9':
                return Take(rest, DigitsLength(rest), SqlTokenKind.Number);
        }

        if (!IsWordStart(rest[0]))
        {
            return Take(rest, 1, SqlTokenKind.Symbol);
        }

        var length = WordLength(rest);
        return PrefixedString(rest, length) is > 0 and var prefixed ? prefixed : Take(rest, length, SqlTokenKind.Word);
    }

    private static int DigitsLength(ReadOnlySpan<char> text)
    {
        var length = 0;
        while (length < text.Length && char.IsAsciiDigit(text[length]))
        {
            length++;
        }

        return length;
    }

    private int Take(ReadOnlySpan<char> rest, int length, SqlTokenKind kind)
    {
        Kind = kind;
        Text = rest[..length];
        return length;
    }

    // E'…', N'…', B'…', X'…', U&'…' and U&"…": the letter belongs to the string.
    private int PrefixedString(ReadOnlySpan<char> rest, int length)
    {
        if (length != 1 || rest.Length < 2)
        {
            return 0;
        }

        return (rest[0] | 0x20, rest[1]) switch
        {
            ('e', '\'') when _syntax != SqlSyntax.MySql => Quoted(rest, 1, SqlTokenKind.EscapedString),
            ('n' or 'b' or 'x', '\'') => Quoted(rest, 1, _syntax == SqlSyntax.MySql ? SqlTokenKind.EscapedString : SqlTokenKind.String),
            ('u', '&') when _syntax != SqlSyntax.MySql && rest.Length > 2 && rest[2] is '\'' => Quoted(rest, 2, SqlTokenKind.EscapedString, backslashes: false),
            ('u', '&') when _syntax != SqlSyntax.MySql && rest.Length > 2 && rest[2] is '"' => Quoted(rest, 2, SqlTokenKind.QuotedName),
            _ => 0,
        };
    }

    private int Quoted(ReadOnlySpan<char> rest, int open, SqlTokenKind kind, bool backslashes = true)
    {
        var quote = rest[open] == '[' ? ']' : rest[open];
        var escape = kind == SqlTokenKind.EscapedString && backslashes ? '\\' : quote;
        Kind = kind;
        Text = rest[(open + 1)..];
        for (var at = open + 1; at < rest.Length; at++)
        {
            var found = rest[at..].IndexOfAny(quote, escape);
            if (found < 0)
            {
                break;
            }

            at += found;
            if (rest[at] != quote || (at + 1 < rest.Length && rest[at + 1] == quote))
            {
                // A doubled quote, or a backslash and whatever it escapes.
                at++;
            }
            else if (_syntax != SqlSyntax.MySql && escape == '\\' && ContinuationAt(rest[(at + 1)..]) is > 0 and var more)
            {
                at += more;
            }
            else
            {
                Text = rest[(open + 1)..at];
                return at + 1;
            }
        }

        return rest.Length;
    }

    // Strings on lines that follow each other are one, and escape as the first does.
    private static int ContinuationAt(ReadOnlySpan<char> rest)
    {
        var trimmed = rest.TrimStart();
        var blank = rest.Length - trimmed.Length;
        return trimmed.StartsWith("'") && rest[..blank].ContainsAny('\r', '\n') ? blank + 1 : 0;
    }

    private static int DollarTag(ReadOnlySpan<char> rest)
    {
        var length = rest.Length > 1 && char.IsDigit(rest[1]) ? 0 : rest[1..].IndexOf('$') + 1;
        return length > 0 && WordLength(rest[1..length]) == length - 1 ? length + 1 : 0;
    }

    private int DollarQuoted(ReadOnlySpan<char> rest, int tag)
    {
        var end = rest[tag..].IndexOf(rest[..tag]);
        Kind = SqlTokenKind.String;
        Text = end < 0 ? rest[tag..] : rest.Slice(tag, end);
        return end < 0 ? rest.Length : tag + end + tag;
    }

    private int SkippedAt(ReadOnlySpan<char> rest)
    {
        if (rest[0] == '-')
        {
            var begins = rest.StartsWith("--") && (_syntax != SqlSyntax.MySql || rest.Length == 2 || char.IsWhiteSpace(rest[2]) || char.IsControl(rest[2]));
            return begins ? LineLength(rest) : 0;
        }

        if (rest[0] == '#')
        {
            return _syntax == SqlSyntax.MySql ? LineLength(rest) : 0;
        }

        if (_inExecutedComment && rest.StartsWith("*/"))
        {
            _inExecutedComment = false;
            return 2;
        }

        return rest[0] == '/' && rest.StartsWith("/*") ? CommentLength(rest) : 0;
    }

    private static int LineLength(ReadOnlySpan<char> rest) => rest.IndexOfAny('\r', '\n') is >= 0 and var end ? end : rest.Length;

    private int CommentLength(ReadOnlySpan<char> rest)
    {
        if (_syntax == SqlSyntax.MySql && (rest.StartsWith("/*!") || rest.StartsWith("/*M!")))
        {
            _inExecutedComment = true;
            var code = rest.IndexOf('!') + 1;
            return code + DigitsLength(rest[code..]);
        }

        var depth = 0;
        for (var at = 0; at + 1 < rest.Length; at++)
        {
            if (rest[at] == '*' && rest[at + 1] == '/')
            {
                at++;
                if (--depth == 0)
                {
                    return at + 1;
                }
            }
            else if (rest[at] == '/' && rest[at + 1] == '*' && (depth == 0 || _syntax == SqlSyntax.PostgreSql))
            {
                depth++;
                at++;
            }
        }

        return rest.Length;
    }
}
