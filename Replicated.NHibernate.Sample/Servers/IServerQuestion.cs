namespace Replicated.NHibernate.Sample.Servers;

/// <summary>What the configured servers say of themselves, past every route.</summary>
internal interface IServerQuestion
{
    Task<IReadOnlyList<ServerStatus>> AskAsync(CancellationToken cancellationToken);
}
