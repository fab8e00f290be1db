namespace Replicated.NHibernate.Databases;

/// <summary>How a database writes strings, names and comments.</summary>
internal enum SqlSyntax
{
    /// <summary>Not known: whatever most databases have in common, and rather a word too many than one too few.</summary>
    Any,

    /// <summary>E'…', dollar quotes and nested comments; brackets belong to arrays.</summary>
    PostgreSql,

    /// <summary>Backslashes escape, "…" is a string, # begins a comment, and /*! … */ is executed.</summary>
    MySql,
}

internal enum SqlTokenKind
{
    /// <summary>A bare word: a keyword or a name.</summary>
    Word,

    /// <summary>A name in quotes.</summary>
    QuotedName,

    /// <summary>A string; its text is as it was written, between the quotes.</summary>
    String,

    /// <summary>A string in which backslashes or \u escape: its text is not its value.</summary>
    EscapedString,

    Number,

    /// <summary>Any other character, by itself.</summary>
    Symbol,
}
