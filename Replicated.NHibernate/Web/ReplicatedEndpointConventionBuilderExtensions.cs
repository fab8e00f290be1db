using Microsoft.AspNetCore.Builder;
using Replicated.NHibernate.Web;

namespace Replicated.NHibernate;

/// <summary>The attributes' counterparts for endpoints and groups of endpoints.</summary>
public static class ReplicatedEndpointConventionBuilderExtensions
{
    /// <summary>
    /// Has the endpoints work on the master, whatever the verb. An endpoint's own choice overrides its group's, and
    /// <c>[UseSlave]</c> on an action, page or hub overrides <c>MapControllers().UseMaster()</c>.
    /// </summary>
    /// <typeparam name="TBuilder">The kind of builder.</typeparam>
    /// <param name="builder">An endpoint or a group.</param>
    /// <returns>The builder.</returns>
    public static TBuilder UseMaster<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.WithRole(DatabaseRole.Master);

    /// <summary>
    /// Has the endpoints read from a slave, whatever the verb, and never from the master where slaves are configured. An endpoint's own choice
    /// overrides its group's, and <c>[UseMaster]</c> on an action, page or hub overrides <c>MapControllers().UseSlave()</c>.
    /// </summary>
    /// <typeparam name="TBuilder">The kind of builder.</typeparam>
    /// <param name="builder">An endpoint or a group.</param>
    /// <returns>The builder.</returns>
    public static TBuilder UseSlave<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.WithRole(DatabaseRole.Slave);

    /// <summary>
    /// Has everything that a request of the endpoints reads be of one moment, as <see cref="UseSnapshotAttribute"/> does. It chooses no role.
    /// </summary>
    /// <typeparam name="TBuilder">The kind of builder.</typeparam>
    /// <param name="builder">An endpoint or a group.</param>
    /// <returns>The builder.</returns>
    public static TBuilder UseSnapshot<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Add(static endpoint => endpoint.Metadata.Add(new UseSnapshotAttribute()));
        return builder;
    }

    /// <summary>
    /// Has no statement of the endpoints be sent once more where its connection is lost, as <see cref="NoRepeatAttribute"/> does.
    /// </summary>
    /// <typeparam name="TBuilder">The kind of builder.</typeparam>
    /// <param name="builder">An endpoint or a group.</param>
    /// <returns>The builder.</returns>
    public static TBuilder NoRepeat<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Add(static endpoint => endpoint.Metadata.Add(new NoRepeatAttribute()));
        return builder;
    }

    private static TBuilder WithRole<TBuilder>(this TBuilder builder, DatabaseRole role)
        where TBuilder : IEndpointConventionBuilder
    {
        ArgumentNullException.ThrowIfNull(builder);
        var convention = new RoleConvention(role, builder);
        builder.Add(endpoint => endpoint.Metadata.Add(convention));
        return builder;
    }
}
