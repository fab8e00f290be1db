using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;
using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Settings;

/// <summary>A place in the section that no option fits, and what to say of it.</summary>
internal readonly record struct Misfit(string Path, string Error);

/// <summary>
/// Compares the section with the options. The binder passes over a misspelt key in silence, and throws at the first value that it
/// cannot convert; said here, each stands beside the other errors.
/// </summary>
internal static class SectionShape
{
    public static IEnumerable<Misfit> Misfits(IConfigurationSection section)
    {
        var inside = Misfits(section, typeof(ReplicatedOptions));
        return string.IsNullOrEmpty(section.Value)
            ? inside
            : inside.Prepend(new(section.Path, $"{section.Path} is {Shown.Of(section.Value)}, but it is a section: {Known(typeof(ReplicatedOptions))}."));
    }

    private static IEnumerable<Misfit> Misfits(IConfigurationSection section, Type type)
    {
        foreach (var child in section.GetChildren())
        {
            var property = Array.Find(PropertiesOf(type), p => p.Name.Equals(child.Key, StringComparison.OrdinalIgnoreCase));
            var found = property is null ? [new(child.Path, $"{child.Path} is not an option. Known are {Known(type)}.")]
                : property.PropertyType.IsAssignableTo(typeof(System.Collections.IEnumerable)) && property.PropertyType != typeof(string) ? OfList(child, property)
                : OfValue(child, property.PropertyType);
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
            return [new(list.Path, $"{list.Path} is {Shown.Of(list.Value)}, but it is a list: write {list.Path}:0, {list.Path}:1 and so on.")];
        }

        return property.PropertyType == typeof(IList<SlaveOptions>) ? list.GetChildren().SelectMany(OfSlave) : [];
    }

    private static IEnumerable<Misfit> OfSlave(IConfigurationSection slave) =>
        slave.GetChildren().Any()
            ? Misfits(slave, typeof(SlaveOptions))
            : [new(slave.Path, $"{slave.Path} is one value, but a slave is a section: give it Name, and ConnectionString or ConnectionStringName.")];

    private static Misfit[] OfValue(IConfigurationSection place, Type type)
    {
        var form = type == typeof(bool) ? "true or false" : type == typeof(int) ? "a whole number" : "a text";
        if (place.Value is not { } value)
        {
            return place.GetChildren().Any() ? [new(place.Path, $"{place.Path} is a section, but the option is {form}.")] : [];
        }

        var fits = type == typeof(bool) ? bool.TryParse(value, out _)
            : type != typeof(int) || int.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out _);
        return fits ? [] : [new(place.Path, $"{place.Path} is {Shown.Of(value)}, which is not {form}.")];
    }

    private static PropertyInfo[] PropertiesOf(Type type) => type.GetProperties(BindingFlags.Instance | BindingFlags.Public);

    private static string Known(Type type) => string.Join(", ", PropertiesOf(type).Select(p => p.Name));
}
