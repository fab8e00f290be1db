namespace Npgsql;

/// <summary>The expressions between SELECT and FROM, with their names.</summary>
internal static class SelectList
{
    public static List<(string Expression, string Name)> Of(string sql)
    {
        if (sql.StartsWith("show ", StringComparison.OrdinalIgnoreCase))
        {
            return [(sql, sql[5..].Trim())];
        }

        var list = new List<(string, string)>();
        var (depth, start, quoted) = (0, sql.IndexOf("select", StringComparison.OrdinalIgnoreCase) + 6, false);
        for (var i = start; i < sql.Length; i++)
        {
            quoted ^= sql[i] == '\'';
            depth += quoted ? 0 : sql[i] switch { '(' => 1, ')' => -1, _ => 0 };
            if (quoted || depth > 0)
            {
                continue;
            }

            if (sql[i] is ',' or ';')
            {
                Add(i);
                start = i + 1;
            }

            // CASE has no FROM at its own depth, so the first one is the statement's.
            if (sql[i] == ';' || string.Compare(sql, i, " from ", 0, 6, StringComparison.OrdinalIgnoreCase) == 0)
            {
                if (sql[i] != ';')
                {
                    Add(i);
                }

                return list;
            }
        }

        Add(sql.Length);
        return list;

        void Add(int end)
        {
            var text = sql[start..end].Trim();
            var alias = text.LastIndexOf(" as ", StringComparison.OrdinalIgnoreCase);
            // The one of a cast stands inside its parentheses.
            list.Add(alias >= 0 && !text.AsSpan(alias).Contains(')') ? (text[..alias].Trim(), text[(alias + 4)..].Trim()) : (text, text[(text.LastIndexOf('.') + 1)..]));
        }
    }
}
