namespace Replicated.NHibernate.Databases;

/// <summary>What the verbs and the words behind them mean.</summary>
internal ref partial struct SqlStatements
{
    private static bool IsAnalyze(ReadOnlySpan<char> word) => Is(word, "analyze") || Is(word, "analyse");

    private void OnVerb(ReadOnlySpan<char> word)
    {
        var known = SqlVerbs.TryVerb(word, out var kind, out var name);
        if (_explainPrelude)
        {
            _executes = IsAnalyze(word) || (_executes && !(IsAnalyze(_previous) && IsOff(word)));
            if (!known || IsAnalyze(word))
            {
                return;
            }

            _explainPrelude = false;
        }

        _verbs &= ~Here;
        if (!known && _verb == "BEGIN")
        {
            return;
        }

        if (_depth == 0)
        {
            (_verb, _verbKind) = (name, kind);
        }

        switch (name)
        {
            case "EXPLAIN" or "DESCRIBE" or "DESC":
                (_explains, _explainPrelude) = (true, true);
                _verbs |= Here;
                break;
            case "WITH":
                _withs |= Here;
                break;
            case "COPY" or "ROLLBACK" or "LOCK" when _depth == 0:
                (_pending, _pendingWord) = (kind, name == "LOCK" ? "LOCK TABLE" : name);
                break;
            case "BEGIN":
                // Where it begins a block instead of a transaction, a verb follows.
                _verbs |= Here;
                Report(kind, name);
                break;
            default:
                Report(kind, name);
                break;
        }
    }

    // The parts of WITH have names; the first verb that is none belongs to the statement itself.
    private void OnWith(ReadOnlySpan<char> word)
    {
        var mayBeVerb = _lastSymbol != ',' && !Follows("with") && !Follows("recursive") && SqlVerbs.TryVerb(word, out var kind, out var name)
            && (kind == SqlKind.Write || name is "SELECT" or "VALUES" or "TABLE" or "EXECUTE");
        if (mayBeVerb)
        {
            _withs &= ~Here;
            OnVerb(word);
        }
    }

    private void OnAnyWord(ReadOnlySpan<char> word)
    {
        if (Is(word, "for") && (Follows("nextval") || (Follows("value") && Is(_beforePrevious, "next"))))
        {
            Report(SqlKind.Write, "NEXT VALUE FOR");
        }
        else if (_syntax == SqlSyntax.Any && _lastSymbol == '.' && Is(word, "nextval"))
        {
            Report(SqlKind.Write, "NEXTVAL");
        }
        else if (_syntax == SqlSyntax.Any && _lastSymbol is '(' or ',' && (Is(word, "updlock") || Is(word, "xlock")))
        {
            Report(SqlKind.RowLock, "UPDLOCK");
        }
    }

    private void OnQueryWord(ReadOnlySpan<char> word)
    {
        var follows = _lastKind == SqlTokenKind.Word;
        if ((_locks && follows && (Is(word, "update") || Is(word, "share")))
            || (Is(word, "share") && Follows("in") && Is(_beforePrevious, "lock")))
        {
            Report(SqlKind.RowLock, "SELECT FOR UPDATE");
        }

        _locks = Is(word, "for") || (_locks && follows && (Is(word, "no") || Is(word, "key")));
        _into |= Is(word, "into") && _verbKind == SqlKind.Query;
    }

    // A variable is filled; anything else is a table, or a file, that is made.
    private void AfterInto(SqlTokenKind kind, ReadOnlySpan<char> text)
    {
        if (_into)
        {
            _into = false;
            Report(kind == SqlTokenKind.Symbol && text[0] is '@' or ':' ? SqlKind.SessionSetting : SqlKind.Write, "SELECT INTO");
        }
    }

    private void OnClause(ReadOnlySpan<char> word)
    {
        switch (_verb)
        {
            case "COPY" when Is(word, "stdout") && Follows("to"):
                _pending = SqlKind.Query;
                break;
            case "ROLLBACK" when Is(word, "to"):
                _pending = SqlKind.Savepoint;
                break;
            case "LOCK" when Is(word, "share") && Follows("access"):
                _pending = SqlKind.Query;
                break;
            case "SET" or "BEGIN" or "START" when Is(word, "write") && Follows("read"):
                Report(SqlKind.LeavesReadOnly, LeavesReadOnly);
                break;
            case "SET" when Is(word, "for") && _isSetStatement:
                _verbs |= Here;
                break;
            case "SET":
                _isSetStatement |= Is(word, "statement") && Follows("set");
                OnSettingName(word);
                break;
            case "START" when Follows("start") && !Is(word, "transaction"):
                Report(SqlKind.Write, "START");
                break;
            case "RESET" when Follows("reset") && (Is(word, "master") || Is(word, "slave") || Is(word, "replica") || Is(word, "query")):
                Report(SqlKind.Write, "RESET");
                break;
            case "RESET" or "DISCARD" when Is(word, "all"):
                Report(SqlKind.SessionReset, _verb + " ALL");
                break;
            case "RESET" or "PRAGMA":
                OnSettingName(word);
                break;
            case "PREPARE" when Is(word, "transaction") && Follows("prepare"):
                Report(SqlKind.TransactionControl, "PREPARE TRANSACTION");
                break;
        }
    }

    private void EndStatement()
    {
        if (!_isEmpty)
        {
            AfterInto(SqlTokenKind.Symbol, ";");
            if (_pendingWord is not null)
            {
                Report(_pending, _pendingWord);
            }

            if (_setting == Setting.Named && _verb == "RESET")
            {
                Report(SqlKind.LeavesReadOnly, LeavesReadOnly);
            }

            if (_explainPrelude || _reported == 0)
            {
                Report(_explainPrelude ? SqlKind.Query : SqlKind.Unknown, _explainPrelude ? _verb : "");
            }
        }

        (_verbs, _queries, _withs, _depth, _isEmpty, _reported) = (1, 1, 0, 0, true, 0);
        _previous = _beforePrevious = default;
        (_lastKind, _lastSymbol) = (SqlTokenKind.Symbol, ';');
        (_verb, _verbKind, _pendingWord, _setting, _config) = ("", default, null, default, default);
        (_explains, _explainPrelude, _executes, _locks, _isSetStatement) = (false, false, false, false, false);
    }
}
