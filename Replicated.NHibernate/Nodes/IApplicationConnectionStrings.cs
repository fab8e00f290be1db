namespace Replicated.NHibernate.Nodes;

/// <summary>What the application's own data access has been configured with; NHibernate's configuration has one.</summary>
internal interface IApplicationConnectionStrings
{
    /// <summary>The master's connection string, or null where the application names none.</summary>
    string? Master { get; }

    /// <summary>A slave's connection string, where the application configured a slave by itself.</summary>
    string? Slave { get; }

    /// <summary>What is wrong with it, in the words of an error message; null where nothing is.</summary>
    string? Error { get; }
}
