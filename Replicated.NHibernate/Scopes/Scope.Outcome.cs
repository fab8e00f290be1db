namespace Replicated.NHibernate.Scopes;

/// <summary>What may be said of a scope's end before it comes.</summary>
internal sealed partial class Scope
{
    private volatile bool _isRollbackOnly;
    private bool _isLeft;

    public void SetRollbackOnly()
    {
        if (IsSealed && _isCommitted)
        {
            throw ScopeErrors.RollbackOnlyTooLate(Work);
        }

        _isRollbackOnly = true;
    }

    /// <summary>The request has become something that lasts: its connections go back, and its sessions open none any more.</summary>
    public async ValueTask Leave()
    {
        _isLeft = true;
        await (_slave?.GiveBack(async: true) ?? ValueTask.CompletedTask);
        await (_master?.GiveBack(async: true) ?? ValueTask.CompletedTask);
    }

    /// <exception cref="InvalidOperationException">Nobody would commit the work, or give its connection back for long.</exception>
    public void ThrowIfLeft()
    {
        if (_isLeft)
        {
            throw ScopeErrors.Upgraded(Work);
        }
    }

    private async ValueTask RollBackOnly(bool async)
    {
        await Rollback(async);
        if (Kind != ScopeKind.Request)
        {
            _isRollbackOnly = false;
            throw ScopeErrors.RollbackOnly(Work);
        }
    }
}
