namespace Replicated.NHibernate.Scopes;

/// <summary>
/// What flows with the execution context: a reference to the scope, which is emptied when the scope ends, and the role of the
/// innermost block, which is immutable, so that parallel branches cannot disturb each other.
/// </summary>
internal sealed class AmbientScope
{
    private static readonly AsyncLocal<AmbientScope?> Local = new();

    private readonly AmbientScope _root;
    private readonly AmbientScope? _outer;
    private readonly IScopeDiagnosis? _application;
    private Scope? _scope;
    private OperationName _ended;

    private AmbientScope(Scope scope, AmbientScope? outer) => (_root, _scope, _outer, _application) = (this, scope, outer, scope.Services.Application);

    private AmbientScope(AmbientScope outer, DatabaseRole block) => (_root, _outer, Block) = (outer._root, outer, block);

    /// <summary>The innermost one, whosever it is.</summary>
    public static AmbientScope? Current => Local.Value;

    /// <summary>The innermost one of an application: several may run in one process, and one may call another.</summary>
    /// <param name="application">What the application's scopes know it by; null where nothing tells applications apart.</param>
    public static AmbientScope? Of(IScopeDiagnosis? application)
    {
        var ambient = Local.Value;
        while (ambient is not null && application is not null && !ReferenceEquals(ambient._root._application, application))
        {
            ambient = ambient._root._outer;
        }

        return ambient;
    }

    /// <summary>The scope, or null once it has ended, in whatever task asks.</summary>
    public Scope? Scope => _root._scope;

    public DatabaseRole? Block { get; }

    /// <summary>What the scope was called, for the message to a task that outlived it.</summary>
    public OperationName Ended => _root._ended;

    public static AmbientScope Begin(Scope scope) => Local.Value = new AmbientScope(scope, Local.Value);

    public void Resume() => Local.Value = this;

    public static IDisposable BeginBlock(AmbientScope outer, DatabaseRole role)
    {
        Local.Value = new AmbientScope(outer, role);
        return new BlockEnd(outer);
    }

    /// <summary>Empties the reference everywhere and, for the caller, brings back what was current before. Not to be called from an async method that has to restore its caller's.</summary>
    /// <param name="work">What the scope was called.</param>
    /// <param name="restores">Not where the caller's context ends with the scope: to change it costs a copy of it.</param>
    public void End(OperationName work, bool restores)
    {
        _root._ended = work;
        _root._scope = null;
        if (restores && Local.Value?._root == _root)
        {
            Local.Value = _root._outer;
        }
    }

    private sealed class BlockEnd(AmbientScope outer) : IDisposable
    {
        private bool _disposed;

        public void Dispose()
        {
            if (!_disposed)
            {
                _disposed = true;
                Local.Value = outer;
            }
        }
    }
}
