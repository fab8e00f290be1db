using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Replicated.NHibernate.Tests.Support;

namespace Replicated.NHibernate.Tests.House;

/// <summary>docs/troubleshooting.md has every exception that misuse or a lost server leads to, and every warning of the log.</summary>
internal sealed partial class TroubleshootingTests
{
    private const int Quoted = 40;

    // What the framework's contracts ask for, and nobody looks up.
    private static readonly string[] Ordinary = ["ArgumentException", "ArgumentNullException", "ArgumentOutOfRangeException", "FormatException", "OptionsValidationException"];

    private static readonly string Page = File.ReadAllText(SourceTree.PathOf("docs/troubleshooting.md")).Replace("`", "", StringComparison.Ordinal);

    [Test]
    public void Every_exception_is_on_the_page()
    {
        var texts = Roots().SelectMany(Exceptions).ToArray();
        Assert.That(texts, Has.Length.GreaterThan(40));
        Assert.That(texts.Where(IsMissing), Is.Empty);
    }

    [Test]
    public void Every_warning_of_the_log_is_on_the_page()
    {
        var texts = Roots().SelectMany(Warnings).ToArray();
        Assert.That(texts, Has.Length.GreaterThan(15));
        Assert.That(texts.Where(IsMissing), Is.Empty);
    }

    private static bool IsMissing(string text) => !Page.Contains(text, StringComparison.Ordinal);

    private static IEnumerable<SyntaxNode> Roots() =>
        from file in Directory.EnumerateFiles(SourceTree.PathOf("Replicated.NHibernate"), "*.cs", SearchOption.AllDirectories)
        where !Regex.IsMatch(file, @"[\\/](obj|bin)[\\/]|GatedStream", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1))
        select CSharpSyntaxTree.ParseText(File.ReadAllText(file)).GetRoot();

    private static IEnumerable<string> Exceptions(SyntaxNode root) =>
        from creation in root.DescendantNodes().OfType<BaseObjectCreationExpressionSyntax>()
        let type = creation is ObjectCreationExpressionSyntax named ? named.Type.ToString() : creation.Ancestors().OfType<MethodDeclarationSyntax>().FirstOrDefault()?.ReturnType.ToString()
        where type?.EndsWith("Exception", StringComparison.Ordinal) == true && !Ordinary.Contains(type)
        let message = creation.ArgumentList?.Arguments.FirstOrDefault(a => a.DescendantTokens().Any(t => t.RawKind is (int)SyntaxKind.StringLiteralToken or (int)SyntaxKind.InterpolatedStringTextToken))
        where message is not null
        select Beginning(Text(message.Expression)) into text
        where text is not null
        select text;

    private static IEnumerable<string> Warnings(SyntaxNode root) =>
        from attribute in root.DescendantNodes().OfType<AttributeSyntax>()
        where attribute.Name.ToString() == "LoggerMessage" && attribute.ArgumentList!.Arguments[1].ToString() is "LogLevel.Warning" or "LogLevel.Error"
        select Beginning(Placeholder.Replace(Text(attribute.ArgumentList!.Arguments[2].Expression), "\0")) into text
        where text is not null
        select text;

    // What is put in stands between two pieces of text.
    private static string Text(ExpressionSyntax expression) => string.Concat(expression.DescendantTokens().Select(token => token.Kind() switch
    {
        SyntaxKind.StringLiteralToken or SyntaxKind.InterpolatedStringTextToken => token.ValueText,
        SyntaxKind.OpenBraceToken => "\0",
        _ => "",
    }));

    private static string? Beginning(string text) => text.Split('\0').Select(piece => piece.Trim()).FirstOrDefault(piece => piece.Length >= 12) is not { } piece ? null
        : piece[..Math.Min(Quoted, piece.IndexOf(". ", StringComparison.Ordinal) is var end and >= 0 ? end : piece.Length)].TrimEnd();

    [GeneratedRegex(@"\{\w+\}")]
    private static partial Regex Placeholder { get; }
}
