using System.Buffers;

namespace Replicated.NHibernate.Diagnostics;

/// <summary>A configured value in a message, unless it may be a connection string that was put in the wrong place.</summary>
internal static class Redactor
{
    private const int LongestName = 40;

    private static readonly SearchValues<char> OfConnectionStrings = SearchValues.Create("=;:@/\\");

    public static string Of(string? value) =>
        string.IsNullOrEmpty(value) || (value.Length <= LongestName && !value.AsSpan().ContainsAny(OfConnectionStrings))
            ? $"'{value}'"
            : "a value that is not shown, because it may hold a password";
}
