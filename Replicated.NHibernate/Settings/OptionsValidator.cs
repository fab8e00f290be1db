using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Settings;

/// <summary>The rules that a value breaks by itself: ranges, tokens, names, keys that no option has.</summary>
internal sealed class OptionsValidator(IConfiguration? configuration) : IValidateOptions<ReplicatedOptions>
{
    private static readonly string[] KnownMethods = ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "POST", "PUT", "PATCH", "DELETE", "CONNECT"];
    private static readonly string[] WritingMethods = ["POST", "PUT", "PATCH", "DELETE"];

    public ValidateOptionsResult Validate(string? name, ReplicatedOptions options)
    {
        var errors = new List<string>();
        Ranges(options, ReplicatedOptions.SectionName, errors);
        for (var i = 0; i < options.Slaves.Count; i++)
        {
            Ranges(options.Slaves[i], $"{ReplicatedOptions.SectionName}:Slaves:{i}", errors);
        }

        ReadYourWrites(options.ReadYourWrites, $"{ReplicatedOptions.SectionName}:{nameof(ReplicatedOptions.ReadYourWrites)}", errors);
        Ranges(options.Probe, $"{ReplicatedOptions.SectionName}:{nameof(ReplicatedOptions.Probe)}", errors);
        Methods(options, errors);
        if (configuration is not null)
        {
            errors.AddRange(OptionsSchema.Misfits(configuration.GetSection(ReplicatedOptions.SectionName)).Select(m => m.Error));
        }

        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }

    private static void Ranges(object instance, string path, List<string> errors)
    {
        var results = new List<ValidationResult>();
        Validator.TryValidateObject(instance, new ValidationContext(instance), results, validateAllProperties: true);
        errors.AddRange(results.Select(r => $"{path}: {r.ErrorMessage}"));
    }

    private static void ReadYourWrites(ReadYourWritesOptions options, string path, List<string> errors)
    {
        var before = errors.Count;
        Ranges(options, path, errors);
        if (options.Window > options.TokenLifetime && errors.Count == before)
        {
            errors.Add($"{path}: Window must not be longer than TokenLifetime, because older tokens are ignored: lower Window or raise TokenLifetime.");
        }

        // Both are written when a commit is done already: too late for an error.
        if (!IsToken(options.Header))
        {
            errors.Add($"{path}:Header is {Redactor.Of(options.Header)}, which is not the name of a header.");
        }

        if (!IsToken(options.Cookie?.Name))
        {
            errors.Add($"{path}:Cookie:Name is {Redactor.Of(options.Cookie?.Name)}, which is not the name of a cookie.");
        }

        if (options.Cookie is { MaxAge: not null } or { Expiration: not null })
        {
            errors.Add($"{path}:Cookie has an age of its own; {path}:TokenLifetime says how long a token counts, and its cookie lives.");
        }
    }

    private static void Methods(ReplicatedOptions options, List<string> errors)
    {
        foreach (var method in options.ReadOnlyMethods)
        {
            if (!IsToken(method))
            {
                errors.Add($"Replicated:ReadOnlyMethods has {Redactor.Of(method)}, which is not an HTTP method.");
            }
            else if (Array.Find(KnownMethods, m => m.Equals(method, StringComparison.OrdinalIgnoreCase)) is { } known && known != method)
            {
                errors.Add($"Replicated:ReadOnlyMethods has '{method}', which no request matches because HTTP methods are case-sensitive: write '{known}'.");
            }
            else if (WritingMethods.Contains(method, StringComparer.Ordinal))
            {
                errors.Add($"Replicated:ReadOnlyMethods has '{method}', which is not a safe method (RFC 9110, 9.2.1): put [UseSlave] on the actions that only read.");
            }
        }
    }

    private static bool IsToken(string? text) => !string.IsNullOrEmpty(text) && text.All(IsTokenCharacter);

    private static bool IsTokenCharacter(char c) => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c);
}

internal static class LoadBalancingNames
{
    public const string PowerOfTwoChoices = nameof(PowerOfTwoChoices);
    public const string RoundRobin = nameof(RoundRobin);
    public const string Random = nameof(Random);
}
