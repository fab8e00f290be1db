namespace Replicated.NHibernate.Databases;

/// <summary>Settings that switch the read-only mode, by statement and by function.</summary>
internal ref partial struct SqlStatements
{
    private const string LeavesReadOnly = "SET TRANSACTION READ WRITE";

    private enum Setting
    {
        None,

        /// <summary>It was named; its value comes.</summary>
        Named,
    }

    private enum SetConfig
    {
        None,
        Name,
        HarmlessName,
        ReadOnlyName,
        Value,
    }

    private static bool IsOn(ReadOnlySpan<char> value) => Is(value, "on") || Is(value, "true") || Is(value, "yes") || Is(value, "1");

    private static bool IsOff(ReadOnlySpan<char> value) => Is(value, "off") || Is(value, "false") || Is(value, "no") || Is(value, "0");

    private static bool NamesReadOnly(ReadOnlySpan<char> text) =>
        text.EndsWith("read_only", StringComparison.OrdinalIgnoreCase) || Is(text, "query_only");

    private void OnSettingName(ReadOnlySpan<char> word)
    {
        if (NamesReadOnly(word))
        {
            _setting = Setting.Named;
        }
    }

    private void AfterSetting(SqlTokenKind kind, ReadOnlySpan<char> text)
    {
        if (_setting == Setting.None || (kind == SqlTokenKind.Symbol && text[0] is '=' or ':' or '(') || (kind == SqlTokenKind.Word && Is(text, "to")))
        {
            return;
        }

        _setting = Setting.None;
        if (!IsOn(text))
        {
            Report(SqlKind.LeavesReadOnly, LeavesReadOnly);
        }
    }

    // set_config('app.tenant', …) is common and harmless; a name that is put together could be any.
    private void AfterSetConfig(SqlTokenKind kind, ReadOnlySpan<char> text)
    {
        if (_config == SetConfig.None || _depth != _configDepth)
        {
            return;
        }

        var symbol = kind == SqlTokenKind.Symbol ? text[0] : default;
        _config = (_config, kind) switch
        {
            (SetConfig.Name, SqlTokenKind.String) => NamesReadOnly(text) ? SetConfig.ReadOnlyName : SetConfig.HarmlessName,
            (SetConfig.Name, SqlTokenKind.EscapedString) when !text.Contains('\\') => NamesReadOnly(text) ? SetConfig.ReadOnlyName : SetConfig.HarmlessName,
            (SetConfig.Name, _) when symbol is ':' or '@' or '$' or '?' => SetConfig.None,
            (SetConfig.HarmlessName, _) when symbol is ',' or ':' => SetConfig.None,
            (SetConfig.ReadOnlyName, _) => symbol == ',' ? SetConfig.Value : SetConfig.ReadOnlyName,
            (SetConfig.Value, SqlTokenKind.String) when IsOn(text) => SetConfig.None,
            _ => Leaves(),
        };
    }

    private SetConfig Leaves()
    {
        Report(SqlKind.LeavesReadOnly, LeavesReadOnly);
        return SetConfig.None;
    }
}
