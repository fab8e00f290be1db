using Microsoft.Extensions.DependencyInjection;

namespace Replicated.NHibernate;

/// <summary>What <c>AddReplicatedConnections</c> gives back, to say what all connections have in common.</summary>
public interface IReplicatedBuilder
{
    /// <summary>The application's services.</summary>
    IServiceCollection Services { get; }
}
