using System.Text.Encodings.Web;
using System.Text.Json;
using NJsonSchema;
using Replicated.NHibernate.Tests.Support;

namespace Replicated.NHibernate.Tests.Packaging;

/// <summary>What editors complete and check in appsettings.json by the schema that the package carries.</summary>
internal sealed class SectionSchemaTests
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static string FilePath => SourceTree.PathOf("packaging", "ConfigurationSchema.json");

    [Test]
    public void Committed_schema_is_that_of_the_options()
    {
        var wanted = SectionSchema.Whole().ToJsonString(Indented) + "\n";
        if (Environment.GetEnvironmentVariable(CommittedList.UpdateSwitch) == "1")
        {
            File.WriteAllText(FilePath, wanted);
        }

        Assert.That(File.ReadAllText(FilePath), Is.EqualTo(wanted), $"If the options are right: {CommittedList.UpdateSwitch}=1 ./build.sh test, and commit the file.");
    }

    [TestCase("""{ "AutoReadOnSlave": false, "MaxLag": "00:00:30", "LoadBalancing": "Nearest", "ReadOnlyMethods": [ "GET" ] }""")]
    [TestCase("""{ "Slaves": [ { "Name": "a", "ConnectionString": "Host=a", "Weight": 100 } ], "Probe": { "Interval": "00:00:00.5" } }""")]
    [TestCase("""{ "ReadYourWrites": { "Mode": "Window", "TokenLifetime": "1.00:00:00", "Cookie": { "Name": "x", "SameSite": "Strict" } }, "MonotonicReads": "Exact" }""")]
    public async Task Valid_section_is_accepted(string section) => Assert.That(await Errors(section), Is.Empty);

    [TestCase("""{ "AutoReadOnSlaves": false }""", "NoAdditionalPropertiesAllowed: #/Replicated.AutoReadOnSlaves")]
    [TestCase("""{ "RollBackFrom": 399 }""", "NumberTooSmall: #/Replicated.RollBackFrom")]
    [TestCase("""{ "RollBackFrom": 501 }""", "NumberTooBig: #/Replicated.RollBackFrom")]
    [TestCase("""{ "ChangesOnSlave": "Never" }""", "NotInEnumeration: #/Replicated.ChangesOnSlave")]
    [TestCase("""{ "MaxLag": "30" }""", "PatternMismatch: #/Replicated.MaxLag")]
    [TestCase("""{ "Slaves": [ { "Nmae": "a" } ] }""", "ArrayItemNotValid: #/Replicated.Slaves[0]")]
    [TestCase("""{ "ReadYourWrites": { "Mode": "Sometimes" } }""", "NotInEnumeration: #/Replicated.ReadYourWrites.Mode")]
    [TestCase("""{ "ReadYourWrites": { "Cookie": { "MaxAge": "00:00:05" } } }""", "NoAdditionalPropertiesAllowed: #/Replicated.ReadYourWrites.Cookie.MaxAge")]
    public async Task Wrong_section_is_tokened_where_it_is_wrong(string section, string error) => Assert.That(await Errors(section), Is.EqualTo([error]));

    private static async Task<string[]> Errors(string section)
    {
        var schema = await JsonSchema.FromJsonAsync(await File.ReadAllTextAsync(FilePath));
        return [.. schema.Validate($$"""{ "Replicated": {{section}} }""").Select(error => $"{error.Kind}: {error.Path}")];
    }
}
