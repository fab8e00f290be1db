using System.Collections.Concurrent;

namespace Npgsql;

/// <summary>A statement as it was understood, and its first parameter: all that an answer depends on.</summary>
internal readonly record struct Question(Answer Answer, object? Argument);

/// <summary>What a statement answers. Understood once for each text, as a server that has it prepared.</summary>
internal sealed class Answer
{
    private static readonly ConcurrentDictionary<string, Answer> Known = new(StringComparer.Ordinal);

    private Answer(string[] names, Column[] columns, int affected, bool ends) => (Names, Columns, Affected, Ends) = (names, columns, affected, ends);

    public string[] Names { get; }

    /// <summary>None for a statement that gives no rows.</summary>
    public Column[] Columns { get; }

    /// <summary>How many rows it changed; -1 for one that changes none.</summary>
    public int Affected { get; }

    /// <summary>Whether it ends the transaction.</summary>
    public bool Ends { get; }

    public static Answer To(string sql) => Known.TryGetValue(sql, out var known) ? known : Known.GetOrAdd(sql, Understand);

    private static Answer Understand(string sql)
    {
        var verb = sql.TrimStart().Split([' ', '\n', '('], 2)[0].ToUpperInvariant();
        return verb switch
        {
            "SELECT" or "SHOW" => Rows(sql),
            "INSERT" or "UPDATE" or "DELETE" => new Answer([], [], 1, ends: false),
            "COMMIT" or "ROLLBACK" => new Answer([], [], -1, ends: true),
            "BEGIN" or "SET" or "RESET" or "DISCARD" or "START" or "SAVEPOINT" or "RELEASE" => new Answer([], [], -1, ends: false),
            _ => throw new NotSupportedException($"This server in memory does not know: {sql}"),
        };
    }

    private static Answer Rows(string sql)
    {
        var items = SelectList.Of(sql);
        return new Answer([.. items.Select(i => i.Name)], [.. items.Select(i => Column.Of(i.Expression, sql))], -1, ends: false);
    }
}
