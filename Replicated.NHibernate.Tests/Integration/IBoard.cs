namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Which server answered, by its own word.</summary>
public sealed record Place(int Port, bool InRecovery);

/// <summary>
/// What an endpoint of the tests does with the database, whichever unit of work is under it. Asked for from the container, so it works
/// where the library routes it.
/// </summary>
public interface IBoard
{
    /// <summary>Asks the server itself where this work runs.</summary>
    Task<Place> WhereAsync();

    /// <summary>Adds a post; whether it is written at once or with the commit is the unit of work's affair.</summary>
    Task AddAsync(Guid id, string title = "a post");

    Task<bool> HasAsync(Guid id);

    /// <summary>Runs SQL as the application's own code would.</summary>
    Task ExecuteAsync(string sql);

    /// <summary>How many rows a statement changed, or how many there are.</summary>
    Task<long> ScalarAsync(string sql);
}
