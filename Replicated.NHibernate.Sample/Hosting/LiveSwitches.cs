namespace Replicated.NHibernate.Sample.Hosting;

/// <summary>The last source of configuration, so that the page can turn settings off and on, as an edited appsettings.json would, for everybody.</summary>
internal sealed class LiveSwitches : ConfigurationProvider, IConfigurationSource
{
    private const string Mode = "Replicated:ReadYourWrites:Mode";
    private const string AutoRead = "Replicated:AutoReadOnSlave";

    public static bool TokensAreOn(IConfiguration configuration) =>
        !string.Equals(configuration[Mode], nameof(ReadYourWritesMode.Off), StringComparison.OrdinalIgnoreCase);

    public static bool AutoReadOnSlaveIsOn(IConfiguration configuration) => configuration.GetValue(AutoRead, defaultValue: true);

    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

    public void TurnTokens(bool on) => Turn(Mode, (on ? ReadYourWritesMode.Auto : ReadYourWritesMode.Off).ToString());

    public void TurnAutoReadOnSlave(bool on) => Turn(AutoRead, on.ToString());

    private void Turn(string key, string value)
    {
        Set(key, value);
        OnReload();
    }
}
