namespace Replicated.NHibernate.Sample.Servers;

/// <summary>What a server said of itself when it was asked.</summary>
/// <param name="Name">As configured.</param>
/// <param name="Role">As configured: master or slave.</param>
/// <param name="State">up, paused (a slave that does not replay), promoted (a slave that has become a master), in-recovery (a master that is a slave), down.</param>
/// <param name="Lag">For a slave: how many seconds its picture is behind, at most.</param>
/// <param name="LagBytes">For a slave: how much of the master's log it has not replayed.</param>
/// <param name="Position">Where it is in the master's log.</param>
/// <param name="Error">Why it is down.</param>
public sealed record ServerStatus(string Name, string Role, string State, double? Lag, long? LagBytes, string? Position, string? Error);
