using CsCheck;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Databases;

/// <summary>Properties of the tokenizer over made-up texts.</summary>
[Promise(12)]
internal sealed class SqlTokenizerTests
{
    private static readonly Gen<SqlSyntax> Syntax = Gen.OneOf(SqlSyntax.Any, SqlSyntax.PostgreSql, SqlSyntax.MySql);

    // Whatever opens, closes, escapes or separates something, in any order.
    private static readonly Gen<string> Noise = Gen.OneOf(
        "'", "''", "\"", "`", "[", "]", "\\", "$$", "$a$", "$1", "/*", "*/", "/*!5", "--", "#", "\n", " ", ";", "(", ")", "e'", "u&'", "n'", "::", ".", ",", "@", "=",
        "select", "update", "for", "into", "with", "as", "set", "read", "write", "explain", "analyze", "set_config", "read_only", "begin", "copy", "to", "1", "é", "\0")
        .Array[0, 30].Select(string.Concat);

    private static readonly Gen<string> Inside = Gen.OneOf("update", "for update", ";", " ", "x", "/*", "--", "\"", "'", "`", "]", "\\", "$$", "\n").Array[0, 8].Select(string.Concat);

    private static readonly Gen<string> Word = Gen.OneOf("select", "a", "update", "for", "e", "u", "n1", "_b", "c$d", "ünicode");

    // A word of its own, or a text in which none is to be found.
    private static readonly Gen<(string Text, string? Word)> Piece = Gen.OneOf(
        Word.Select(word => (word, (string?)word)),
        Inside.Select(inside => ($"'{Doubled(inside, '\'')}'", (string?)null)),
        Inside.Select(inside => ($"E'{inside.Replace("\\", "\\\\").Replace("'", "\\'")}'", (string?)null)),
        Inside.Select(inside => ($"\"{Doubled(inside, '"')}\"", (string?)null)),
        Inside.Select(inside => ($"u&\"{Doubled(inside, '"')}\"", (string?)null)),
        Inside.Select(inside => ($"$q$a{inside}b$q$", (string?)null)),
        Inside.Select(inside => ($"/*{inside.Replace("/*", "")}*/", (string?)null)),
        Inside.Select(inside => ($"--{inside.Replace("\n", "")}\n", (string?)null)),
        Gen.OneOf("1", "=", "(", ")", ",", ";", "$1").Select(symbol => (symbol, (string?)null)));

    [Test]
    public void No_text_makes_it_throw_or_run_for_ever() => Noise.Select(Syntax).Sample(sample =>
    {
        var tokens = new SqlTokenizer(sample.Item1, sample.Item2);
        var found = 0;
        while (tokens.Next())
        {
            found++;
        }

        _ = SqlClassifier.Classify(sample.Item1, sample.Item2);
        return found <= sample.Item1.Length;
    }, iter: 20_000);

    [Test]
    public void Quoted_text_never_yields_a_word() => Piece.Array[0, 12].Sample(pieces =>
    {
        var words = new List<string>();
        var tokens = new SqlTokenizer(string.Join(' ', pieces.Select(p => p.Text)), SqlSyntax.PostgreSql);
        while (tokens.Next())
        {
            if (tokens.Kind == SqlTokenKind.Word)
            {
                words.Add(tokens.Text.ToString());
            }
        }

        return words.SequenceEqual(pieces.Select(p => p.Word).OfType<string>());
    }, iter: 20_000);

    [Test]
    public void Statement_behind_any_text_that_closes_is_found() => Piece.Array[0, 12].Sample(
        pieces => SqlClassifier.Classify($"{string.Join(' ', pieces.Select(p => p.Text))} ; delete from t", SqlSyntax.PostgreSql).Has(SqlKind.Write), iter: 20_000);

    private static string Doubled(string text, char quote) => text.Replace(quote.ToString(), new string(quote, 2));
}
