namespace Replicated.NHibernate.Databases;

/// <summary>Follows the tokens of a text: where a verb stands, in which parenthesis it is, and what comes of it.</summary>
internal ref partial struct SqlStatements(SqlSyntax syntax)
{
    private const int Deepest = 63;

    private readonly SqlSyntax _syntax = syntax;

    // A bit for each depth of parentheses. A verb may come next; a query stands here; WITH still names its parts here.
    private ulong _verbs = 1;
    private ulong _queries = 1;
    private ulong _withs;
    private int _depth;

    // The words just before, as long as nothing but blanks is between them.
    private ReadOnlySpan<char> _previous;
    private ReadOnlySpan<char> _beforePrevious;
    private SqlTokenKind _lastKind = SqlTokenKind.Symbol;
    private char _lastSymbol = ';';

    private int _kinds;
    private int _reported;
    private SqlKind _kind;
    private string? _word;
    private bool _hasSeveral;
    private bool _isEmpty = true;

    private string _verb = "";
    private SqlKind _verbKind;

    // What a statement is unless a later word says otherwise.
    private SqlKind _pending;
    private string? _pendingWord;
    private bool _explains;
    private bool _explainPrelude;
    private bool _executes;
    private bool _locks;
    private bool _into;
    private Setting _setting;
    private SetConfig _config;
    private int _configDepth;
    private bool _isSetStatement;

    private readonly ulong Here => 1UL << Math.Min(_depth, Deepest);

    public void Read(SqlTokenKind kind, ReadOnlySpan<char> text)
    {
        if (kind == SqlTokenKind.Symbol && text[0] == ';')
        {
            EndStatement();
            return;
        }

        _hasSeveral |= _isEmpty && _kinds != 0;
        _isEmpty = false;
        AfterInto(kind, text);
        AfterSetting(kind, text);
        AfterSetConfig(kind, text);
        if (kind == SqlTokenKind.Word)
        {
            OnWord(text);
            _beforePrevious = _previous;
            _previous = text;
        }
        else
        {
            OnOther(kind, text);
            _beforePrevious = default;
            // A name in quotes before a parenthesis is a function as well.
            _previous = kind == SqlTokenKind.QuotedName ? text : default;
        }

        (_lastKind, _lastSymbol) = (kind, kind == SqlTokenKind.Symbol ? text[0] : default);
    }

    public SqlVerdict End()
    {
        EndStatement();
        return new SqlVerdict(_kind, _word ?? "", _hasSeveral, _kinds == 0 ? 1 : _kinds);
    }

    private static bool Is(ReadOnlySpan<char> word, string other) => word.Equals(other, StringComparison.OrdinalIgnoreCase);

    private readonly bool Follows(string word) => _lastKind == SqlTokenKind.Word && Is(_previous, word);

    // After a dot, a sigil or a cast stands a name, whatever it is called; after AS too.
    private readonly bool IsName => _lastSymbol is '.' or ':' or '@' || Follows("as");

    private void Report(SqlKind kind, string word)
    {
        if (_explains && !_executes)
        {
            (kind, word) = (SqlKind.Query, "EXPLAIN");
        }
        else if (_explains && kind > SqlKind.Query)
        {
            word = "EXPLAIN ANALYZE";
        }

        _reported++;
        _kinds |= 1 << (int)kind;
        if (_word is null || kind > _kind)
        {
            (_kind, _word) = (kind, word);
        }
    }

    private void OnWord(ReadOnlySpan<char> word)
    {
        if (_lastKind == SqlTokenKind.Symbol && _lastSymbol == '(' && (Is(word, "select") || Is(word, "with") || Is(word, "values") || Is(word, "table")))
        {
            _queries |= Here;
        }

        var isName = IsName;
        if ((_verbs & Here) != 0 && !isName)
        {
            OnVerb(word);
        }
        else if ((_withs & Here) != 0)
        {
            OnWith(word);
        }
        else
        {
            OnAnyWord(word);
            if (!isName && (_queries & Here) != 0)
            {
                OnQueryWord(word);
            }
        }

        if (_depth == 0)
        {
            OnClause(word);
        }
    }

    private void OnOther(SqlTokenKind kind, ReadOnlySpan<char> text)
    {
        if (kind != SqlTokenKind.Symbol)
        {
            OnValue(text);
        }
        else if (text[0] == ')')
        {
            _depth = Math.Max(_depth - 1, 0);
        }
        else if (text[0] == '(')
        {
            OnCall();
            var verb = (_verbs & Here) != 0 || ((_withs & Here) != 0 && (Follows("as") || Follows("materialized"))) || (_depth == 0 && Follows("copy"));
            _verbs &= _explainPrelude ? ~0UL : ~Here;
            _depth++;
            (_verbs, _queries, _withs) = (verb ? _verbs | Here : _verbs & ~Here, _queries & ~Here, _withs & ~Here);
        }
    }

    private void OnValue(ReadOnlySpan<char> text)
    {
        if ((_verbs & Here) == 0)
        {
            return;
        }

        if (_explainPrelude)
        {
            _executes &= !IsAnalyze(_previous) || IsOn(text);
            return;
        }

        _verbs &= ~Here;
        Report(SqlKind.Unknown, "");
    }

    private void OnCall()
    {
        if (_lastKind is not (SqlTokenKind.Word or SqlTokenKind.QuotedName) || !SqlVerbs.TryFunction(_previous, out var kind, out var word))
        {
            return;
        }

        Report(kind, word);
        if (kind == SqlKind.SessionSetting)
        {
            (_config, _configDepth) = (SetConfig.Name, _depth + 1);
        }
    }
}
