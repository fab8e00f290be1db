namespace Replicated.NHibernate.Scopes;

/// <summary>A routed plain connection as a unit of work: it holds nothing back, so there is nothing to write before a commit.</summary>
internal sealed class ConnectionUnit(RoleConnection role) : IUnitOfWork
{
    public RoutedConnection Connection => role.Connection;

    public bool IsUsable => true;

    public bool HasPendingChanges => false;

    public bool IsReading => false;

    public bool HearsOfSystemTransactions => false;

    public static ConnectionUnit Of(ContainerScope container) => container.GetUnit(0, static (role, _) => new ConnectionUnit(role));

    public void Begin()
    {
    }

    public ValueTask BeforeCommit(bool async, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public void AfterCompletion(bool committed)
    {
    }

    public void Forget()
    {
    }

    public void End()
    {
    }
}
