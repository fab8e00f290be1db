namespace Replicated.NHibernate.Scopes;

/// <summary>What is known of a role's writes.</summary>
internal struct WriteLog
{
    /// <summary>Whether a write was seen, by a statement that writes or by the database's word.</summary>
    public bool Any { get; private set; }

    /// <summary>Whether a statement that writes has run since the last commit.</summary>
    public bool HasUncommitted { get; set; }

    /// <summary>Whether something was committed for which no token was given: statements that the database committed by themselves.</summary>
    public bool HasUntokened { get; set; }

    public void Note(bool isAutocommitted) => (Any, HasUncommitted, HasUntokened) = (true, true, HasUntokened || isAutocommitted);

    /// <summary>A token was given for all of it.</summary>
    public void Tokened() => (Any, HasUntokened) = (true, false);
}
