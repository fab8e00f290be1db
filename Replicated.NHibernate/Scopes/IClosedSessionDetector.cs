namespace Replicated.NHibernate.Scopes;

/// <summary>Knows how a session that has been closed complains.</summary>
internal interface IClosedSessionDetector
{
    bool IsClosedSession(Exception exception);
}
