using System.Collections.Frozen;

namespace Replicated.NHibernate.Databases;

/// <summary>Whether a query calls a function of which nobody here knows what it does: the application's own may write.</summary>
internal static class SqlFunctions
{
    // Words that a parenthesis may follow, and functions that databases have in common and that only compute.
    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> Harmless = new[]
    {
        "select", "from", "where", "and", "or", "not", "in", "on", "using", "as", "with", "values", "exists", "any", "all", "some", "union", "except", "intersect", "having", "by", "over",
        "filter", "within", "case", "when", "then", "else", "between", "like", "ilike", "is", "join", "lateral", "limit", "offset", "fetch", "next", "recursive", "materialized", "row", "array",
        "interval", "distinct", "cast", "convert", "extract", "overlay", "position", "substring", "substr", "trim", "ltrim", "rtrim", "coalesce", "nullif", "greatest", "least", "count", "sum",
        "avg", "min", "max", "abs", "ceil", "ceiling", "floor", "round", "power", "sqrt", "mod", "sign", "trunc", "lower", "upper", "length", "char_length", "character_length", "octet_length",
        "concat", "replace", "left", "right", "lpad", "rpad", "reverse", "ascii", "chr", "to_char", "to_date", "to_timestamp", "to_number", "to_hex", "date_part", "date_trunc", "now", "age", "date",
        "time", "timestamp", "year", "month", "day", "hour", "minute", "second", "current_date", "current_time", "current_timestamp", "row_number", "rank", "dense_rank", "lag", "lead",
        "first_value", "last_value", "string_agg", "array_agg", "json_agg", "jsonb_agg", "bool_and", "bool_or", "every", "varchar", "char", "numeric", "decimal", "isnull", "ifnull", "len",
        "datediff", "dateadd", "generate_series", "unnest", "pg_backend_pid", "pg_is_in_recovery", "current_setting", "version",
        "group_concat", "concat_ws", "substring_index", "instr", "locate", "find_in_set", "field", "elt", "if", "format", "hex", "unhex", "md5", "sha1", "sha2", "uuid", "rand", "json_extract", "json_unquote",
        "date_format", "str_to_date", "date_add", "date_sub", "timestampdiff", "unix_timestamp", "from_unixtime", "curdate", "curtime", "utc_timestamp", "last_day", "database", "user", "connection_id",
        "last_insert_id", "row_count", "found_rows",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase).GetAlternateLookup<ReadOnlySpan<char>>();

    public static bool MayWrite(string sql)
    {
        if (!sql.Contains('('))
        {
            return false;
        }

        var tokens = new SqlTokenizer(sql, SqlSyntax.Any);
        var last = ReadOnlySpan<char>.Empty;
        var quoted = false;
        while (tokens.Next())
        {
            if (tokens.Kind == SqlTokenKind.Symbol && tokens.Text[0] == '(' && (quoted || (!last.IsEmpty && !Harmless.Contains(last))))
            {
                return true;
            }

            quoted = tokens.Kind == SqlTokenKind.QuotedName;
            last = tokens.Kind == SqlTokenKind.Word ? tokens.Text : default;
        }

        return false;
    }
}
