namespace Replicated.NHibernate;

/// <summary>What a piece of work got: a role, the reason for it and, once a connection was needed, the node.</summary>
/// <param name="Role">Master or slave. A session of the slave role never writes, whatever its node.</param>
/// <param name="Reason">Why.</param>
/// <param name="Node">The configured name of the server; <see langword="null"/> while no statement has needed one.</param>
public sealed record Route(DatabaseRole Role, RouteReason Reason, string? Node)
{
    /// <summary>
    /// Whether the first statement was sent once more, because its connection was lost or a slave cancelled it before a row was read. <see cref="Node"/> is the server that answered.
    /// </summary>
    /// <value><see langword="false"/></value>
    public bool IsRepeated { get; init; }

    /// <summary>
    /// The form that the route header has: <c>role=slave; node=slave-1; reason=verb</c>, followed by <c>; repeated</c> where <see cref="IsRepeated"/> says so.
    /// </summary>
    /// <returns>The route in one line.</returns>
    public override string ToString() => Node is null
        ? $"role={Role.Name()}; reason={Reason.Name()}"
        : $"role={Role.Name()}; node={Node}; reason={Reason.Name()}{(IsRepeated ? "; repeated" : "")}";
}
