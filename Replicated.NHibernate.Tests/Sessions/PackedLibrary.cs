using System.Diagnostics;
using System.IO.Compression;
using System.Text.RegularExpressions;
using Replicated.NHibernate.Tests.Support;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>The library packed as its users get it, and an application of the README's shortest program that restores it.</summary>
internal sealed class PackedLibrary : IDisposable
{
    /// <summary>No remote is asked: the address only has to come out where the package names one.</summary>
    public const string Repository = "https://git.example/replicated";

    private const string Version = "0.1.0-packed";

    private readonly string _folder = Directory.CreateTempSubdirectory("packed-library-").FullName;

    public PackedLibrary()
    {
        Dotnet("pack", SourceTree.PathOf("Replicated.NHibernate"), "-c", "Release", "-o", Feed, "--artifacts-path", Path.Combine(_folder, "artifacts"), "--nologo", "-tl:off",
            $"-p:Version={Version}", $"-p:PrivateRepositoryUrl={Repository}.git");
    }

    public string Application => Path.Combine(_folder, "application");

    private static string Packages =>
        Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    private static string NpgsqlVersion => Regex.Match(
        File.ReadAllText(SourceTree.PathOf("Directory.Packages.props")), "Include=\"Npgsql\" Version=\"(?<version>[^\"]+)\"", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)).Groups["version"].Value;

    private string Feed => Path.Combine(_folder, "feed");

    public string Read(string entry)
    {
        using var package = ZipFile.OpenRead(Path.Combine(Feed, $"Replicated.NHibernate.{Version}.nupkg"));
        using var reader = new StreamReader(package.GetEntry(entry)?.Open() ?? throw new FileNotFoundException($"{entry} is not in the package."));
        return reader.ReadToEnd();
    }

    /// <summary>The assembly of an application made by <c>dotnet new</c> from the template.</summary>
    public string BuildFromTemplate()
    {
        var (hive, application) = (Path.Combine(_folder, "hive"), Path.Combine(_folder, "FromTemplate"));
        Dotnet("new", "install", SourceTree.PathOf("packaging/template"), "--debug:custom-hive", hive);
        Dotnet("new", "replicated-web", "-o", application, "--libraryVersion", Version, "--npgsqlVersion", NpgsqlVersion, "--debug:custom-hive", hive);
        Dotnet("build", application, "-o", Path.Combine(application, "out"), "--nologo", "-tl:off", "-warnaserror",
            $"-p:RestoreAdditionalProjectSources={Feed}", $"-p:RestorePackagesPath={Path.Combine(_folder, "packages")}", $"-p:RestoreFallbackFolders={Packages}");
        return Path.Combine(application, "out", "FromTemplate.dll");
    }

    /// <summary>The assembly of the application.</summary>
    public string BuildApplication()
    {
        Directory.CreateDirectory(Application);
        // A folder of packages of its own, so that no other build finds this version; what is on the machine already is not fetched again.
        File.WriteAllText(Path.Combine(Application, "Application.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk.Web">
              <PropertyGroup>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <RestoreAdditionalProjectSources>{Feed}</RestoreAdditionalProjectSources>
                <RestorePackagesPath>{Path.Combine(_folder, "packages")}</RestorePackagesPath>
                <RestoreFallbackFolders>{Packages}</RestoreFallbackFolders>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Replicated.NHibernate" Version="{Version}" />
                <PackageReference Include="Npgsql" Version="{NpgsqlVersion}" />
              </ItemGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(Application, "Program.cs"), ShortestProgram());
        File.WriteAllText(Path.Combine(Application, "Post.cs"), """
            global using FluentNHibernate.Cfg;
            global using FluentNHibernate.Cfg.Db;
            global using FluentNHibernate.Mapping;
            global using NHibernate.Linq;
            global using Replicated.NHibernate;
            global using ISession = NHibernate.ISession;

            public class Post
            {
                public virtual Guid Id { get; set; }
                public virtual string Title { get; set; }
            }

            public class PostMap : ClassMap<Post>
            {
                public PostMap()
                {
                    Table("post");
                    Id(p => p.Id).GeneratedBy.GuidComb();
                    Map(p => p.Title);
                }
            }
            """);
        Dotnet("build", Application, "-o", Path.Combine(Application, "out"), "--nologo", "-tl:off");
        return Path.Combine(Application, "out", "Application.dll");
    }

    public static string Dotnet(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"dotnet {string.Join(' ', arguments)} failed: {output}{errors.Result}");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string ShortestProgram()
    {
        var readme = File.ReadAllText(SourceTree.PathOf("README.md")).ReplaceLineEndings("\n");
        const string fence = "```csharp\n";
        var start = readme.IndexOf(fence, StringComparison.Ordinal) + fence.Length;
        return readme[start..readme.IndexOf("```", start, StringComparison.Ordinal)];
    }
}
