using NHibernate;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Sessions;

/// <summary>Recognizes NHibernate's "Session is closed!", which names neither the request nor the remedy.</summary>
internal sealed class ClosedSessionDetector : IClosedSessionDetector
{
    public bool IsClosedSession(Exception exception) =>
        exception is ObjectDisposedException { ObjectName: nameof(ISession) or nameof(IStatelessSession) };
}
