namespace Replicated.NHibernate;

/// <summary>Endpoint metadata that names the role of an endpoint; the attributes and the endpoint conventions both write it.</summary>
public interface IDatabaseRoleMetadata
{
    /// <summary>The role that the endpoint wants.</summary>
    DatabaseRole Role { get; }
}
