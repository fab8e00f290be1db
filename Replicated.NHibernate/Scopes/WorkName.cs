namespace Replicated.NHibernate.Scopes;

/// <summary>What a scope is called in messages: its kind, a request's verb, and the action or the route's pattern, never a path, which is the client's data.</summary>
internal readonly record struct WorkName(string Kind, string? Name, string? Verb = null)
{
    public override string ToString() => string.Join(' ', Parts());

    private IEnumerable<string> Parts()
    {
        yield return Kind;
        if (Verb is not null)
        {
            yield return Verb;
        }

        if (Name is not null)
        {
            yield return Name;
        }
    }
}
