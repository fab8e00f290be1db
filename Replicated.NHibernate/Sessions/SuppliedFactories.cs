using NHibernate.Engine;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Sessions;

/// <summary>The connection strings of factories that the application built alone.</summary>
internal sealed class SuppliedFactories(ReplicatedSessionFactories factories) : IApplicationConnectionStrings
{
    public string? Master => Of(factories.Master);

    public string? Slave => Of(factories.Slave);

    public string? Error => null;

    private static string? Of(global::NHibernate.ISessionFactory factory) =>
        ((ReplicatedConnectionProvider)((ISessionFactoryImplementor)factory).ConnectionProvider).OwnConnectionString;
}
