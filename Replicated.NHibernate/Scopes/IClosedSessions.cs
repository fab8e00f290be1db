namespace Replicated.NHibernate.Scopes;

/// <summary>Knows how a session that has been closed complains.</summary>
internal interface IClosedSessions
{
    bool IsClosedSession(Exception exception);
}
