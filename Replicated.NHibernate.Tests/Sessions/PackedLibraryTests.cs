using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Replicated.NHibernate.Sample.Cluster;
using Replicated.NHibernate.Tests.Integration;
using Replicated.NHibernate.Tests.Support;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What somebody gets who takes the package and the README's text, and nothing else of this repository.</summary>
internal sealed partial class PackedLibraryTests
{
    private const string Listening = "Now listening on: ";

    private PackedLibrary _package = null!;

    [OneTimeSetUp]
    public void Pack() => _package = new();

    [OneTimeTearDown]
    public void Delete() => _package.Dispose();

    [Test]
    public void Every_link_of_the_packed_readme_leads_to_the_repository_or_into_the_page()
    {
        string[] targets = [.. Link.Matches(_package.Read("README.md")).Select(link => link.Groups["target"].Value)];
        Assert.That(targets, Has.Length.GreaterThan(10));
        Assert.That(targets, Has.All.Match($"^(#|{Regex.Escape(PackedLibrary.Repository)}/blob/|https://(?!git\\.example))"));
    }

    [Test]
    public void Documentation_in_the_package_names_public_types_only()
    {
        var documented = XDocument.Parse(_package.Read("lib/net10.0/Replicated.NHibernate.xml")).Descendants("member")
            .Select(member => member.Attribute("name")!.Value).Where(name => name.StartsWith("T:", StringComparison.Ordinal)).Select(name => name[2..]);
        var exported = typeof(ReplicatedOptions).Assembly.GetExportedTypes().Select(type => type.FullName!.Replace('+', '.'));
        Assert.That(documented, Is.Not.Empty.And.SubsetOf(exported));
    }

    [Test]
    public async Task Shortest_program_of_the_readme_runs_on_the_package_and_is_routed()
    {
        var assembly = _package.BuildApplication();
        Assert.That(PackedLibrary.Dotnet("msbuild", _package.Application, "-getItem:JsonSchemaSegment"), Does.Contain("ConfigurationSchema.json"));

        await OnCluster(assembly, async client =>
        {
            using var first = await client.GetAsync("/posts");
            using var post = await client.PostAsJsonAsync("/posts", new { title = "packed" });
            using var second = await client.GetAsync(post.Headers.Location);

            Assert.That((RouteOf(first), post.StatusCode, RouteOf(post)), Is.EqualTo(("role=slave; node=slave-1; reason=verb", HttpStatusCode.Redirect, "role=master; node=master; reason=verb")));
            Assert.That(await Titles(second), Is.EqualTo(["packed"]));
            Assert.That(RouteOf(second), Does.StartWith("role=slave; "));
        });
    }

    [Test]
    public async Task Application_made_from_the_template_runs_on_the_package_and_is_routed() => await OnCluster(_package.BuildFromTemplate(), async client =>
    {
        using var post = await client.PostAsJsonAsync("/posts", new { title = "from the template" });
        using var read = await client.GetAsync("/posts");
        Assert.That((post.StatusCode, RouteOf(post)), Is.EqualTo((HttpStatusCode.Created, "role=master; node=master; reason=verb")));
        Assert.That(await Titles(read), Is.EqualTo(["from the template"]));
        Assert.That(RouteOf(read), Does.StartWith("role=slave; "));
        Assert.That(await client.GetStringAsync("/health"), Is.EqualTo("Healthy"));
    });

    private static async Task OnCluster(string assembly, Func<HttpClient, Task> use)
    {
        await using var cluster = await PostgresCluster.StartAsync(1);
        await SharedCluster.Execute(cluster.Master, File.ReadAllText(SourceTree.PathOf("packaging/template/schema.sql")));
        await cluster.WaitForSlavesAsync();

        var start = new ProcessStartInfo("dotnet", [assembly]) { RedirectStandardOutput = true, UseShellExecute = false };
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        start.Environment["ConnectionStrings__Master"] = cluster.Master.ConnectionString;
        start.Environment["ConnectionStrings__Slave"] = cluster.Slaves[0].ConnectionString;
        start.Environment["Replicated__RouteHeader"] = "true";
        using var application = Process.Start(start)!;
        try
        {
            using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = await Address(application) };
            await use(client);
        }
        finally
        {
            application.Kill(entireProcessTree: true);
            await application.WaitForExitAsync();
        }
    }

    private static async Task<string?[]> Titles(HttpResponseMessage response) =>
        [.. (await response.Content.ReadFromJsonAsync<JsonElement>()).EnumerateArray().Select(p => p.GetProperty("title").GetString())];

    private static string RouteOf(HttpResponseMessage response) => response.Headers.GetValues("Replicated-Route").Single();

    private static async Task<Uri> Address(Process application)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await application.StandardOutput.ReadLineAsync(deadline.Token) is { } line)
        {
            if (line.IndexOf(Listening, StringComparison.Ordinal) is var at and >= 0)
            {
                // What nobody reads would fill the pipe and stop the application.
                _ = application.StandardOutput.ReadToEndAsync(CancellationToken.None);
                return new Uri(line[(at + Listening.Length)..].Trim());
            }
        }

        throw new InvalidOperationException("The application ended before it listened.");
    }

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)", RegexOptions.ExplicitCapture)]
    private static partial Regex Link { get; }
}
