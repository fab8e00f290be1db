using NHibernate.Engine;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Sessions;

/// <summary>What an NHibernate session works on, which its connection tells. Asking opens nothing.</summary>
internal static class SessionTarget
{
    [ThreadStatic]
    private static bool _opens;

    /// <summary>Whether a scope's session is being constructed on this thread: NHibernate looks for a TransactionScope then, and the scope does not know the session yet.</summary>
    public static bool IsOpening => _opens;

    public static Opened Opening()
    {
        _opens = true;
        return default;
    }

    /// <summary>Null where the session is disconnected, or ends a TransactionScope at this moment.</summary>
    public static ConnectionTarget? Of(ISessionImplementor session) =>
        session.ConnectionManager is { IsConnected: true, ProcessingFromSystemTransaction: false } manager ? (manager.GetConnection() as RoutedConnection)?.Target : null;

    public static SessionUnit? UnitOf(ISessionImplementor session)
    {
        if (Of(session) is RoleConnection role)
        {
            foreach (var unit in role.Units)
            {
                if (unit is SessionUnit own && own.Owns(session))
                {
                    return own;
                }
            }
        }

        return null;
    }

    public static bool IsOnSlave(ISessionImplementor session) =>
        Of(session) is { } target ? target.Role == DatabaseRole.Slave : session.Factory.ConnectionProvider is ReplicatedConnectionProvider { Role: DatabaseRole.Slave };

    /// <summary>Why the session must not write now, or null.</summary>
    public static WriteRefusal? RefusalOf(ISessionImplementor session) =>
        Of(session) is { } target ? target.Refusal : IsOnSlave(session) ? WriteRefusal.Slave : null;

    /// <summary>Throws where a write must not happen now.</summary>
    public static void Refuse(ISessionImplementor session, string what, WriteLayer layer)
    {
        if (RefusalOf(session) is { } refusal)
        {
            throw Of(session)?.Refused(refusal, what, layer) ?? SlaveWriteException.OutsideRouting(what, layer);
        }
    }

    internal readonly struct Opened : IDisposable
    {
        public void Dispose() => _opens = false;
    }
}
