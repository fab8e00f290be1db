using System.Buffers;

namespace Replicated.NHibernate.Databases;

/// <summary>Tells from the words of an SQL text what it does. Allocates nothing; thread-safe.</summary>
internal static class SqlClassifier
{
    // A select without one of these does nothing but read as far as words can tell, which is so for nearly every query.
    private static readonly SearchValues<string> Traces = SearchValues.Create(
        ["for", "into", "nextval", "setval", "lo_", "lowrite", "lock", "set_config", "pg_", ";"], StringComparison.OrdinalIgnoreCase);

    private static readonly SqlVerdict OneSelect = new(SqlKind.Query, "SELECT", HasSeveralStatements: false);

    public static SqlVerdict Classify(string sql, SqlSyntax syntax = SqlSyntax.Any)
    {
        var tokens = new SqlTokenizer(sql, syntax);
        if (!tokens.Next())
        {
            return new SqlVerdict(SqlKind.Query, "", HasSeveralStatements: false);
        }

        if (tokens.Kind == SqlTokenKind.Word)
        {
            if (tokens.Text.Equals("select", StringComparison.OrdinalIgnoreCase))
            {
                if (!sql.AsSpan().ContainsAny(Traces))
                {
                    return OneSelect;
                }
            }
            else if (SqlVerbs.TryVerb(tokens.Text, out var kind, out var word) && kind == SqlKind.Write && word != "COPY" && !sql.Contains(';'))
            {
                return new SqlVerdict(kind, word, HasSeveralStatements: false);
            }
        }

        var statements = new SqlStatements(syntax);
        tokens = new SqlTokenizer(sql, syntax);
        while (tokens.Next())
        {
            statements.Read(tokens.Kind, tokens.Text);
        }

        return statements.End();
    }
}
