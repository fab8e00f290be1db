using NHibernate;
using NHibernate.Cfg;
using NHibernate.AdoNet;
using NHibernate.Engine;

namespace Replicated.NHibernate.Sessions;

/// <summary>Puts the guard in front of the batcher that the application or the driver chose.</summary>
internal sealed class ReplicatedBatcherFactory : IBatcherFactory
{
    public IBatcher CreateBatcher(ConnectionManager connectionManager, IInterceptor interceptor)
    {
        if (connectionManager.Factory.ConnectionProvider is not ReplicatedConnectionProvider provider)
        {
            throw new HibernateConfigException(
                $"The factory uses {nameof(ReplicatedBatcherFactory)} without {nameof(ReplicatedConnectionProvider)}. Call configuration.UseReplicated(role), which sets both.");
        }

        return new ReplicatedBatcher(provider.Batchers.CreateBatcher(connectionManager, interceptor), connectionManager, SessionUnit.Opening);
    }
}
