namespace Replicated.NHibernate.Scopes;

/// <summary>The layers of the guard, in the order in which a write meets them.</summary>
internal enum WriteLayer
{
    /// <summary>At the call: Save, Persist, Merge, Delete, Lock; a cascade in a flush calls too.</summary>
    Call,

    /// <summary>Work outside the session's transaction, such as a table that gives out ids.</summary>
    IsolatedWork,

    /// <summary>A flush, at the row or the collection that changed.</summary>
    Flush,

    /// <summary>The statement, before it is sent.</summary>
    Statement,

    /// <summary>The database, by its read-only switch or because it is a standby.</summary>
    Database,
}
