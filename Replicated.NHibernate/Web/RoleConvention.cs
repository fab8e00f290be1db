namespace Replicated.NHibernate.Web;

/// <summary>A role that a convention gave to all endpoints of one builder: less specific than an attribute on an action.</summary>
internal sealed class RoleConvention(DatabaseRole role, object builder) : IDatabaseRoleMetadata
{
    public DatabaseRole Role { get; } = role;

    /// <summary>Which builder it was: two conventions that disagree on one builder are an error.</summary>
    public object Builder { get; } = builder;
}
