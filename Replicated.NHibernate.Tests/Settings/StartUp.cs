using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Replicated.NHibernate.Tests.Settings;

/// <summary>An application without a database that is started, or refuses to.</summary>
internal static class StartUp
{
    public const string Master = "Host=127.0.0.1;Port=1;Database=one";

    /// <summary>What the start-up exception lists; empty where the application starts.</summary>
    public static async Task<string[]> Errors(Dictionary<string, string?> settings, Action<ReplicatedOptions>? options = null)
    {
        try
        {
            using var host = await Host(settings, options);
            await host.StopAsync();
            return [];
        }
        catch (OptionsValidationException e)
        {
            return [.. e.Failures];
        }
    }

    /// <summary>The same, beside a master that is right.</summary>
    public static Task<string[]> ErrorsBeside(params (string Key, string? Value)[] settings) => Errors(Beside(settings));

    public static Dictionary<string, string?> Beside(params (string Key, string? Value)[] settings) =>
        new(settings.Select(s => KeyValuePair.Create(s.Key, s.Value)).Prepend(new("ConnectionStrings:Master", Master)));

    public static async Task<IHost> Host(Dictionary<string, string?> settings, Action<ReplicatedOptions>? options = null, Action<IServiceCollection>? register = null)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(settings);
        if (register is null)
        {
            builder.Services.AddReplicatedConnections(NpgsqlFactory.Instance, options);
        }
        else
        {
            register(builder.Services);
        }

        var host = builder.Build();
        try
        {
            await host.StartAsync();
            return host;
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }
}
