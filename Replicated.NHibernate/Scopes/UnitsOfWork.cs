using System.Runtime.ExceptionServices;

namespace Replicated.NHibernate.Scopes;

/// <summary>What works on a role's connection: at most one of each kind. Not thread-safe.</summary>
internal sealed class UnitsOfWork
{
    private IUnitOfWork[] _units = [];

    public IReadOnlyList<IUnitOfWork> All => _units;

    public bool HavePendingChanges => Array.Exists(_units, static u => u.HasPendingChanges);

    public bool AreReading => Array.Exists(_units, static u => u.IsReading);

    /// <summary>Whether none of them hears of the end of a TransactionScope by itself.</summary>
    public bool HearNothing => Array.TrueForAll(_units, static u => !u.HearsOfSystemTransactions);

    public TUnit? Find<TUnit>()
        where TUnit : class, IUnitOfWork => Array.Find(_units, static u => u is TUnit) as TUnit;

    /// <summary>The unit of a kind; another in the place of one that the application closed.</summary>
    public (TUnit Unit, bool IsNew) Get<TUnit, TOwner, TState>(TOwner owner, TState state, Func<TOwner, TState, TUnit> create)
        where TUnit : class, IUnitOfWork
    {
        for (var i = 0; i < _units.Length; i++)
        {
            if (_units[i] is TUnit unit)
            {
                if (unit.IsUsable)
                {
                    return (unit, false);
                }

                unit.End();
                var another = create(owner, state);
                _units[i] = another;
                return (another, true);
            }
        }

        var first = create(owner, state);
        _units = [.. _units, first];
        return (first, true);
    }

    /// <summary>Tells a unit that it is one. One that throws then is none.</summary>
    public void Opened(IUnitOfWork unit)
    {
        try
        {
            unit.Opened();
        }
        catch
        {
            _units = Array.FindAll(_units, u => !ReferenceEquals(u, unit));
            unit.End();
            throw;
        }
    }

    public void Begin()
    {
        foreach (var unit in _units)
        {
            if (unit.IsUsable)
            {
                unit.Begin();
            }
        }
    }

    /// <summary>Writes what is pending, or refuses it. What is called back then may ask for one more unit.</summary>
    public ValueTask BeforeCommit(bool async, CancellationToken cancellationToken) =>
        _units is [var only] ? BeforeCommitOf(only, async, cancellationToken) : AllBeforeCommit(0, async, cancellationToken);

    public ExceptionDispatchInfo? AfterCompletion(bool committed) => ForEach(committed, static (u, c) => u.AfterCompletion(c));

    public ExceptionDispatchInfo? End() => ForEach(0, static (u, _) => u.End());

    public void Forget()
    {
        foreach (var unit in _units)
        {
            unit.Forget();
        }
    }

    private ValueTask BeforeCommitOf(IUnitOfWork only, bool async, CancellationToken cancellationToken)
    {
        var before = only.BeforeCommit(async, cancellationToken);
        return before.IsCompletedSuccessfully && _units.Length == 1 ? before : Rest(before);

        async ValueTask Rest(ValueTask first)
        {
            await first;
            await AllBeforeCommit(1, async, cancellationToken);
        }
    }

    private async ValueTask AllBeforeCommit(int from, bool async, CancellationToken cancellationToken)
    {
        for (var i = from; i < _units.Length; i++)
        {
            await _units[i].BeforeCommit(async, cancellationToken);
        }
    }

    // Every unit has its turn, whatever the application's listeners in another one throw; the first exception is given back.
    private ExceptionDispatchInfo? ForEach<T>(T state, Action<IUnitOfWork, T> action)
    {
        ExceptionDispatchInfo? first = null;
        foreach (var unit in _units)
        {
            try
            {
                action(unit, state);
            }
            catch (Exception e)
            {
                first ??= ExceptionDispatchInfo.Capture(e);
            }
        }

        return first;
    }
}
