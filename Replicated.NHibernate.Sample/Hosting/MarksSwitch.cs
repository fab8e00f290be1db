namespace Replicated.NHibernate.Sample.Hosting;

/// <summary>The last source of configuration, so that the page can turn marks off and on, as an edited appsettings.json would, for everybody.</summary>
internal sealed class MarksSwitch : ConfigurationProvider, IConfigurationSource
{
    private const string Mode = "Replicated:AfterWrite:Mode";

    public static bool IsOn(IConfiguration configuration) =>
        !string.Equals(configuration[Mode], nameof(AfterWriteMode.Off), StringComparison.OrdinalIgnoreCase);

    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

    public void Turn(bool on)
    {
        Set(Mode, (on ? AfterWriteMode.Auto : AfterWriteMode.Off).ToString());
        OnReload();
    }
}
