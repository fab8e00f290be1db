namespace Replicated.NHibernate.Scopes;

/// <summary>Why a write is refused.</summary>
internal enum WriteRefusal
{
    /// <summary>The unit is of the slave role.</summary>
    Slave,

    /// <summary>The scope has been committed or rolled back; nobody would commit the write.</summary>
    AfterCompletion,
}
