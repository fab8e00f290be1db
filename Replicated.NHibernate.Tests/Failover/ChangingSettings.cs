using Microsoft.Extensions.Configuration;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>Settings that are exchanged as a whole while the application runs, as an edited file is: what is no longer in it is gone.</summary>
internal sealed class ChangingSettings : ConfigurationProvider, IConfigurationSource
{
    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

    public void Become(Dictionary<string, string?> settings)
    {
        Data = new Dictionary<string, string?>(settings, StringComparer.OrdinalIgnoreCase);
        OnReload();
    }
}
