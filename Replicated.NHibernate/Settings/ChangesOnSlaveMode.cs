namespace Replicated.NHibernate;

/// <summary>What becomes of entities that a slave session holds changed and nobody would write.</summary>
public enum ChangesOnSlaveMode
{
    /// <summary>A <see cref="SlaveWriteException"/> that names the entity, its id and the properties. Nothing is lost without an error.</summary>
    Throw,

    /// <summary>A warning in the log that names them; they are not written. Slave sessions have <c>FlushMode.Manual</c> then.</summary>
    Warn,

    /// <summary>Nothing: they are not written, and nobody looks for them. Slave sessions have <c>FlushMode.Manual</c> then.</summary>
    Ignore,
}
