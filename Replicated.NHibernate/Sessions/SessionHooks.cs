using NHibernate;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Sessions;

internal sealed record SessionOpeningHandler(Action<SessionOpeningContext> Run);

internal sealed record SessionOpenedHandler(Action<SessionOpenedContext> Run);

internal sealed record StatelessSessionOpenedHandler(Action<StatelessSessionOpenedContext> Run);

/// <summary>What the application does with every session that a scope opens. Thread-safe.</summary>
internal sealed class SessionHooks(IEnumerable<SessionOpeningHandler> opening, IEnumerable<SessionOpenedHandler> opened, IEnumerable<StatelessSessionOpenedHandler> statelessOpened)
{
    public static readonly SessionHooks None = new([], [], []);

    // A handler that asks for the session it is being called for would be called for it again, and again.
    [ThreadStatic]
    private static bool _isOpening;

    private readonly SessionOpeningHandler[] _opening = [.. opening];
    private readonly SessionOpenedHandler[] _opened = [.. opened];
    private readonly StatelessSessionOpenedHandler[] _statelessOpened = [.. statelessOpened];

    /// <summary>Whether builders differ from session to session.</summary>
    public bool HasOpening => _opening.Length > 0;

    public void Opening(ISessionBuilder builder, RoleConnection role)
    {
        if (_isOpening)
        {
            throw new InvalidOperationException(
                "A handler of OnSessionOpening asked for a session of the scope while one is being opened. Take what it needs from other services, or do it in OnSessionOpened, which has the session.");
        }

        _isOpening = true;
        try
        {
            var context = new SessionOpeningContext(builder, role.Role, role.Scope.HandlerServices);
            Array.ForEach(_opening, handler => handler.Run(context));
        }
        finally
        {
            _isOpening = false;
        }
    }

    public void Opened(ISession session, RoleConnection role)
    {
        if (_opened.Length > 0)
        {
            var context = new SessionOpenedContext(session, role.Role, role.Scope.HandlerServices);
            Array.ForEach(_opened, handler => handler.Run(context));
        }
    }

    public void Opened(IStatelessSession session, RoleConnection role)
    {
        if (_statelessOpened.Length > 0)
        {
            var context = new StatelessSessionOpenedContext(session, role.Role, role.Scope.HandlerServices);
            Array.ForEach(_statelessOpened, handler => handler.Run(context));
        }
    }
}
