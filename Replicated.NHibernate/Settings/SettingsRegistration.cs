using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Replicated.NHibernate.Settings;

internal static class SettingsRegistration
{
    public static void AddReplicatedSettings(this IServiceCollection services)
    {
        services.AddLogging();
        services.AddOptions<ReplicatedOptions>();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IConfigureOptions<ReplicatedOptions>, SectionBinding>(
            sp => new SectionBinding(sp.GetService<IConfiguration>())));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<ReplicatedOptions>, OptionsValidator>(
            sp => new OptionsValidator(sp.GetService<IConfiguration>())));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IOptionsChangeTokenSource<ReplicatedOptions>, SectionChanges>(
            sp => new SectionChanges(sp.GetService<IConfiguration>())));
        services.TryAddSingleton<OptionsSnapshot>();
    }

    private sealed class SectionBinding(IConfiguration? configuration) : IConfigureOptions<ReplicatedOptions>
    {
        public void Configure(ReplicatedOptions options)
        {
            if (configuration?.GetSection(ReplicatedOptions.SectionName) is not { } section)
            {
                return;
            }

            // What does not fit is named by the rules; without it, the rest is bound and judged too.
            var misfits = OptionsSchema.Misfits(section).Select(m => m.Path).ToHashSet(StringComparer.OrdinalIgnoreCase);
            new ConfigurationBuilder()
                .AddInMemoryCollection(section.AsEnumerable().Where(s => s.Value is not null && !misfits.Contains(s.Key)))
                .Build()
                .GetSection(ReplicatedOptions.SectionName)
                .Bind(options);
        }
    }

    private sealed class SectionChanges(IConfiguration? configuration) : IOptionsChangeTokenSource<ReplicatedOptions>
    {
        public string Name => Options.DefaultName;

        public Microsoft.Extensions.Primitives.IChangeToken GetChangeToken() =>
            configuration?.GetReloadToken() ?? new Microsoft.Extensions.Primitives.CancellationChangeToken(CancellationToken.None);
    }
}
