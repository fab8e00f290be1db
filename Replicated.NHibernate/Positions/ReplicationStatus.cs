namespace Replicated.NHibernate;

/// <summary>What a server says of itself when it is asked in the background.</summary>
/// <param name="IsSlave">Whether it follows another server at this moment; a master, or a slave that was promoted, does not.</param>
/// <param name="Position">How far it is; <see langword="null"/> where it cannot tell.</param>
/// <param name="Age">
/// How long ago the master committed what a slave showed last, by both servers' clocks; <see langword="null"/> where it is not known. It grows while the master is
/// idle, so it counts only for a slave that is known to lack something.
/// </param>
public readonly record struct ReplicationStatus(bool IsSlave, Position? Position, TimeSpan? Age)
{
    /// <summary>Which server it is; <see langword="null"/>, the default, where it cannot tell.</summary>
    public ServerIdentity? Server { get; init; }

    /// <summary>Whether it refuses writes although it follows nobody. Default <see langword="false"/>, also where it is not known.</summary>
    public bool RefusesWrites { get; init; }

    /// <summary>What the user of the connection may not ask, and the remedy, for the log; <see langword="null"/> where everything was told.</summary>
    public string? Unknown { get; init; }
}
