using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace Replicated.NHibernate.Settings;

/// <summary>Finds keys that no option has: a misspelt switch must not be taken for one that was thrown.</summary>
internal static class UnknownKeys
{
    public static void Find(IConfigurationSection section, Type type, List<string> errors)
    {
        var known = type.GetProperties(BindingFlags.Instance | BindingFlags.Public);
        foreach (var child in section.GetChildren())
        {
            var property = Array.Find(known, p => p.Name.Equals(child.Key, StringComparison.OrdinalIgnoreCase));
            if (property is null)
            {
                errors.Add($"{child.Path} is not an option. Known are {string.Join(", ", known.Select(p => p.Name))}.");
            }
            else if (property.PropertyType == typeof(IList<SlaveOptions>))
            {
                foreach (var slave in child.GetChildren())
                {
                    Find(slave, typeof(SlaveOptions), errors);
                }
            }
            else if (child.Value is { } value)
            {
                CannotBe(child, property.PropertyType, value, errors);
            }
        }
    }

    // The binder throws at the first value it cannot convert; said here, it stands beside the other errors.
    private static void CannotBe(IConfigurationSection child, Type type, string value, List<string> errors)
    {
        var fits = type == typeof(bool) ? bool.TryParse(value, out _)
            : type != typeof(int) || int.TryParse(value, System.Globalization.NumberStyles.Integer, System.Globalization.CultureInfo.InvariantCulture, out _);
        if (!fits)
        {
            errors.Add($"{child.Path} is '{value}', which is not a {(type == typeof(bool) ? "true or false" : "whole number")}.");
        }
    }
}
