using System.Globalization;
using System.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Settings;

/// <summary>A place in the section that no option fits, and what to say of it.</summary>
internal readonly record struct Misfit(string Path, string Error);

/// <summary>
/// Compares the section with the options. The binder passes over a misspelt key in silence, and throws at the first value that it
/// cannot convert; said here, each stands beside the other errors.
/// </summary>
internal static class OptionsSchema
{
    private static readonly Type[] Sections = [typeof(ReadYourWritesOptions), typeof(CookieBuilder), typeof(ProbeOptions)];

    public static IEnumerable<Misfit> Misfits(IConfigurationSection section) => OfSection(section, typeof(ReplicatedOptions));

    private static IEnumerable<Misfit> OfSection(IConfigurationSection section, Type type)
    {
        var inside = Misfits(section, type);
        return string.IsNullOrEmpty(section.Value)
            ? inside
            : inside.Prepend(new(section.Path, $"{section.Path} is {Redactor.Of(section.Value)}, but it is a section: {Known(type)}."));
    }

    private static IEnumerable<Misfit> Misfits(IConfigurationSection section, Type type)
    {
        foreach (var child in section.GetChildren())
        {
            var property = Array.Find(PropertiesOf(type), p => p.Name.Equals(child.Key, StringComparison.OrdinalIgnoreCase));
            var found = property is null ? [new(child.Path, $"{child.Path} is not an option. Known are {Known(type)}.")]
                : Array.Exists(Sections, s => s == property.PropertyType) ? OfSection(child, property.PropertyType)
                : property.PropertyType.IsAssignableTo(typeof(System.Collections.IEnumerable)) && property.PropertyType != typeof(string) ? OfList(child, property)
                : OfValue(child, property);
            foreach (var misfit in found)
            {
                yield return misfit;
            }
        }
    }

    private static IEnumerable<Misfit> OfList(IConfigurationSection list, PropertyInfo property)
    {
        // An empty list of JSON is an empty value.
        if (!string.IsNullOrEmpty(list.Value))
        {
            return [new(list.Path, $"{list.Path} is {Redactor.Of(list.Value)}, but it is a list: write {list.Path}:0, {list.Path}:1 and so on.")];
        }

        return property.PropertyType == typeof(IList<SlaveOptions>) ? list.GetChildren().SelectMany(OfSlave) : [];
    }

    private static IEnumerable<Misfit> OfSlave(IConfigurationSection slave) =>
        slave.GetChildren().Any()
            ? Misfits(slave, typeof(SlaveOptions))
            : [new(slave.Path, $"{slave.Path} is one value, but a slave is a section: give it Name, and ConnectionString or ConnectionStringName.")];

    private static Misfit[] OfValue(IConfigurationSection place, PropertyInfo property)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        var form = Form(type);
        if (place.Value is not { } value)
        {
            return place.GetChildren().Any() ? [new(place.Path, $"{place.Path} is a section, but the option is {form}.")] : [];
        }

        // The builder itself throws at an empty name.
        if (value.Length == 0 && (property.DeclaringType, property.Name) == (typeof(CookieBuilder), nameof(CookieBuilder.Name)))
        {
            return [new(place.Path, $"{place.Path} is '', which is not the name of a cookie.")];
        }

        return Fits(value, type) ? [] : [new(place.Path, $"{place.Path} is {Redactor.Of(value)}, which is not {form}.")];
    }

    private static bool Fits(string value, Type type) =>
        type == typeof(bool) ? bool.TryParse(value, out _)
        : type == typeof(int) ? int.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out _)
        // A number alone would be days.
        : type == typeof(TimeSpan) ? value.Contains(':') && TimeSpan.TryParse(value, CultureInfo.InvariantCulture, out _)
        : !type.IsEnum || Enum.GetNames(type).Contains(value, StringComparer.OrdinalIgnoreCase);

    private static string Form(Type type) =>
        type == typeof(bool) ? "true or false"
        : type == typeof(int) ? "a whole number"
        : type == typeof(TimeSpan) ? "a time such as 00:00:05 or 00:00:00.050"
        : type.IsEnum ? $"one of {string.Join(", ", Enum.GetNames(type))}"
        : "a text";

    private static PropertyInfo[] PropertiesOf(Type type) => type.GetProperties(BindingFlags.Instance | BindingFlags.Public);

    private static string Known(Type type) => string.Join(", ", PropertiesOf(type).Select(p => p.Name));
}
