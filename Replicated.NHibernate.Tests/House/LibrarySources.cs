using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Replicated.NHibernate.Tests.Support;

namespace Replicated.NHibernate.Tests.House;

/// <summary>The library's source files as the compiler understands them: which room declares what, and mentions what.</summary>
internal sealed class LibrarySources
{
    private const string ImplicitUsings =
        "global using System; global using System.IO; global using System.Linq; global using System.Net.Http; "
        + "global using System.Threading; global using System.Threading.Tasks; global using System.Collections.Generic; ";

    // As the project file has it.
    private static readonly string WriteExceptionBase = SourceTree.WithNHibernate ? "NHibernate.HibernateException" : "System.InvalidOperationException";

    private static readonly Lazy<LibrarySources> Parsed = new(() => new LibrarySources());

    private readonly string _root = SourceTree.PathOf("Replicated.NHibernate");
    private readonly CSharpCompilation _compilation;

    private LibrarySources()
    {
        var options = new CSharpParseOptions(LanguageVersion.Latest);
        _compilation = CSharpCompilation.Create(
            "Sources",
            [CSharpSyntaxTree.ParseText(ImplicitUsings + $"global using WriteExceptionBase = global::{WriteExceptionBase};", options), .. Files().Select(file => CSharpSyntaxTree.ParseText(File.ReadAllText(file), options, file))],
            References(),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));
    }

    public static LibrarySources Current => Parsed.Value;

    /// <summary>The folder of each type, and of each part of it, relative to the library; a file in no folder has the room "".</summary>
    public IEnumerable<(string Type, string Room)> DeclaredTypes() =>
        from tree in Trees()
        let model = _compilation.GetSemanticModel(tree)
        from node in tree.GetRoot().DescendantNodes()
        where node is BaseTypeDeclarationSyntax or DelegateDeclarationSyntax
        let symbol = (INamedTypeSymbol)model.GetDeclaredSymbol(node)!
        where symbol.ContainingType is null
        select (symbol.ToDisplayString(MetadataName), RoomOf(tree));

    /// <summary>Each mention, in code, of a type of the library or of a member of one, where another room declares the type.</summary>
    public IEnumerable<Mention> Mentions() =>
        from tree in Trees()
        let model = _compilation.GetSemanticModel(tree)
        from name in tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>()
        let type = OutermostType(model.GetSymbolInfo(name).Symbol)
        where type is not null
        from declaration in type.DeclaringSyntaxReferences.Take(1)
        let room = RoomOf(declaration.SyntaxTree)
        where room != RoomOf(tree)
        select new Mention(RelativePath(tree), RoomOf(tree), room, type.Name, name.GetLocation().GetLineSpan().StartLinePosition.Line + 1);

    /// <summary>Each mention, in code, of a type of the library or of a member of one, by the outermost types that mention and are mentioned, each with its folder.</summary>
    public IEnumerable<(string From, string FromFolder, string To, string ToFolder)> TypeMentions() =>
        from tree in Trees()
        let model = _compilation.GetSemanticModel(tree)
        from node in tree.GetRoot().DescendantNodes().OfType<BaseTypeDeclarationSyntax>()
        let source = (INamedTypeSymbol)model.GetDeclaredSymbol(node)!
        where source.ContainingType is null
        from name in node.DescendantNodes().OfType<SimpleNameSyntax>()
        let to = OutermostType(model.GetSymbolInfo(name).Symbol)
        where to is not null && !SymbolEqualityComparer.Default.Equals(to, source)
        from declaration in to.DeclaringSyntaxReferences.Take(1)
        select (source.Name, FolderOf(tree), to.Name, FolderOf(declaration.SyntaxTree));

    /// <summary>The lines of each type, those of its parts added up.</summary>
    public IEnumerable<(string Type, int Lines)> TypeLengths() =>
        from tree in Trees()
        let model = _compilation.GetSemanticModel(tree)
        from node in tree.GetRoot().DescendantNodes().OfType<BaseTypeDeclarationSyntax>()
        let symbol = (INamedTypeSymbol)model.GetDeclaredSymbol(node)!
        where symbol.ContainingType is null
        let span = node.GetLocation().GetLineSpan()
        group span.EndLinePosition.Line - span.StartLinePosition.Line + 1 by symbol.ToDisplayString(MetadataName) into parts
        select (parts.Key, parts.Sum());

    /// <summary>Names that mean nothing to the compiler: with many of them the mentions would be incomplete without saying so.</summary>
    public IEnumerable<string> UnknownNames() =>
        from tree in Trees()
        let model = _compilation.GetSemanticModel(tree)
        from problem in model.GetDiagnostics()
        where problem.Id is "CS0246" or "CS0234" or "CS0103" or "CS0012"
        select problem.ToString();

    private static readonly SymbolDisplayFormat MetadataName = new(
        typeQualificationStyle: SymbolDisplayTypeQualificationStyle.NameAndContainingTypesAndNamespaces);

    private IEnumerable<SyntaxTree> Trees() => _compilation.SyntaxTrees.Where(tree => tree.FilePath.Length > 0);

    private IEnumerable<string> Files() =>
        from file in Directory.EnumerateFiles(_root, "*.cs", SearchOption.AllDirectories)
        let room = RoomOf(file)
        where room is not ("bin" or "obj") && (SourceTree.WithNHibernate || room != "Sessions")
        orderby file
        select file;

    private string RoomOf(SyntaxTree tree) => RoomOf(tree.FilePath);

    private string RoomOf(string file) => Path.GetRelativePath(_root, file).Split('/', '\\') is [var room, _, ..] ? room : "";

    private string FolderOf(SyntaxTree tree) => (Path.GetDirectoryName(RelativePath(tree)) ?? "").Replace('\\', '/');

    private string RelativePath(SyntaxTree tree) => Path.GetRelativePath(_root, tree.FilePath);

    private static INamedTypeSymbol? OutermostType(ISymbol? symbol)
    {
        var type = symbol as INamedTypeSymbol ?? (symbol is INamespaceSymbol ? null : symbol?.ContainingType);
        while (type?.ContainingType is not null)
        {
            type = type.ContainingType;
        }

        return type;
    }

    private static IEnumerable<MetadataReference> References() =>
        from file in ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
        where !Path.GetFileName(file).StartsWith("Replicated.", StringComparison.Ordinal)
        select MetadataReference.CreateFromFile(file);
}

/// <summary>A place in a file of one room that names a type of another.</summary>
internal sealed record Mention(string File, string Room, string ImportedRoom, string Type, int Line);
