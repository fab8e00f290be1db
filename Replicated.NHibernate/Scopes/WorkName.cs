namespace Replicated.NHibernate.Scopes;

/// <summary>What a scope is called in messages: the verb and the action, never a path, which is the client's data.</summary>
internal readonly record struct WorkName(string Kind, string? Name)
{
    public override string ToString() => Name is null ? Kind : $"{Kind} {Name}";
}
