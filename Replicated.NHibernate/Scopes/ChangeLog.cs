namespace Replicated.NHibernate.Scopes;

/// <summary>What a scope has changed, as far as a message has room. Not thread-safe.</summary>
internal sealed class ChangeLog
{
    private const int Most = 5;

    private readonly List<string> _named = [];
    private int _more;

    public void Note(string what)
    {
        if (_named.Count < Most)
        {
            _named.Add(what);
        }
        else
        {
            _more++;
        }
    }

    /// <summary>As the part of a sentence; where no session knew of a change, a statement made it.</summary>
    public override string ToString() =>
        _named.Count == 0 ? "by a statement" : string.Join("; ", _named) + (_more == 0 ? "" : $"; and {_more} more");
}
