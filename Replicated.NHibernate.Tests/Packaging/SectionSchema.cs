using System.Globalization;
using System.Reflection;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Microsoft.AspNetCore.Http;

namespace Replicated.NHibernate.Tests.Packaging;

/// <summary>The JSON schema of the section <c>Replicated</c>, made of the options types and of what their documentation says.</summary>
internal static partial class SectionSchema
{
    private const string Time = @"^(\d+\.)?\d{1,2}:\d{2}(:\d{2}(\.\d{1,7})?)?$";

    private static readonly XDocument Documentation = XDocument.Load(Path.ChangeExtension(typeof(ReplicatedOptions).Assembly.Location, ".xml"));

    public static JsonObject Whole() => new()
    {
        ["$schema"] = "http://json-schema.org/draft-07/schema#",
        ["type"] = "object",
        ["properties"] = new JsonObject
        {
            ["ConnectionStrings"] = new JsonObject
            {
                ["type"] = "object",
                ["properties"] = new JsonObject
                {
                    ["Master"] = Text("How to connect to the master."),
                    ["Slave"] = Text("How to connect to the slave (read replica). More than one: Replicated:Slaves."),
                },
            },
            [ReplicatedOptions.SectionName] = Section(typeof(ReplicatedOptions), Summary("T:", typeof(ReplicatedOptions), member: null)),
        },
    };

    private static JsonObject Section(Type type, string description)
    {
        var properties = new JsonObject();
        foreach (var property in type.GetProperties(BindingFlags.Instance | BindingFlags.Public).Where(p => !IsRefused(p)))
        {
            properties[property.Name] = Option(property, Summary("P:", type, property));
        }

        return new JsonObject { ["type"] = "object", ["description"] = description, ["additionalProperties"] = false, ["properties"] = properties };
    }

    // OptionsValidator: a cookie of a token has no age of its own.
    private static bool IsRefused(PropertyInfo property) =>
        property.DeclaringType == typeof(CookieBuilder) && property.Name is nameof(CookieBuilder.MaxAge) or nameof(CookieBuilder.Expiration);

    private static JsonObject Option(PropertyInfo property, string description)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        if (type == typeof(ReadYourWritesOptions) || type == typeof(ProbeOptions) || type == typeof(CookieBuilder))
        {
            return Section(type, description);
        }

        var option = type == typeof(bool) ? new JsonObject { ["type"] = "boolean" }
            : type == typeof(int) ? new JsonObject { ["type"] = "integer" }
            : type == typeof(TimeSpan) ? new JsonObject { ["type"] = "string", ["pattern"] = Time }
            : type.IsEnum ? new JsonObject { ["enum"] = new JsonArray([.. Enum.GetNames(type).Select(name => JsonValue.Create(name))]) }
            : type == typeof(IList<SlaveOptions>) ? new JsonObject { ["type"] = "array", ["items"] = Section(typeof(SlaveOptions), Summary("T:", typeof(SlaveOptions), member: null)) }
            : type == typeof(IList<string>) ? new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["type"] = "string" } }
            : type == typeof(string) ? new JsonObject { ["type"] = "string" }
            : throw new NotSupportedException($"{property.DeclaringType}.{property.Name} is of a kind that the schema does not know: {type}.");
        if (description.Length > 0)
        {
            option["description"] = description;
        }

        // Times are texts, and JSON schema has no order of texts.
        if (type == typeof(int) && property.GetCustomAttribute<System.ComponentModel.DataAnnotations.RangeAttribute>() is { } range)
        {
            option["minimum"] = Convert.ToInt32(range.Minimum, CultureInfo.InvariantCulture);
            option["maximum"] = Convert.ToInt32(range.Maximum, CultureInfo.InvariantCulture);
        }

        return option;
    }

    private static JsonObject Text(string description) => new() { ["type"] = "string", ["description"] = description };

    private static string Summary(string kind, Type type, PropertyInfo? member)
    {
        var name = kind + type.FullName + (member is null ? "" : "." + member.Name);
        var entry = Documentation.Descendants("member").FirstOrDefault(m => m.Attribute("name")!.Value == name);
        var value = entry?.Element("value") is { } given ? $" Default: {Plain(given).TrimEnd('.')}." : "";
        return entry is null ? "" : Plain(entry.Element("summary")!) + value;
    }

    private static string Plain(XElement element)
    {
        var parts = element.Nodes().Select(node => node switch
        {
            XElement { Name.LocalName: "see" } see => (see.Attribute("langword") ?? see.Attribute("cref"))!.Value.Split('.')[^1],
            XElement inner => inner.Value,
            _ => node.ToString(SaveOptions.DisableFormatting),
        });
        return Spaces.Replace(string.Concat(parts), " ").Trim();
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces { get; }
}
