namespace Replicated.NHibernate.Scopes;

/// <summary>A statement in progress on a target, until it is disposed. The default value is none.</summary>
internal readonly struct RunningOperation : IDisposable
{
    private readonly ConnectionTarget? _target;

    public RunningOperation(ConnectionTarget target)
    {
        target.BeginOperation();
        _target = target;
    }

    public void Dispose() => _target?.EndOperation();
}
