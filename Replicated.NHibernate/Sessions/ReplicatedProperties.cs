namespace Replicated.NHibernate.Sessions;

/// <summary>The NHibernate properties that make a factory routable; the README lists them for hibernate.cfg.xml.</summary>
internal static class ReplicatedProperties
{
    /// <summary>master or slave.</summary>
    public const string Role = "replicated.role";

    /// <summary>The batcher factory that the application chose, which ours works through.</summary>
    public const string BatcherFactory = "replicated.adonet.factory_class";

    public static DatabaseRole? ReadRole(IDictionary<string, string> properties) =>
        properties.TryGetValue(Role, out var value)
            ? value switch
            {
                "master" => DatabaseRole.Master,
                "slave" => DatabaseRole.Slave,
                _ => throw new global::NHibernate.Cfg.HibernateConfigException($"The property {Role} is '{value}'; it is either master or slave."),
            }
            : null;
}
