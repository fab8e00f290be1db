namespace Replicated.NHibernate;

/// <summary>What a piece of work wants of the database.</summary>
public enum DatabaseRole
{
    /// <summary>The one server that takes the writes.</summary>
    Master,

    /// <summary>An asynchronous copy of the master, for reading only.</summary>
    Slave,
}
