using System.Data;
using System.Runtime.ExceptionServices;

namespace Replicated.NHibernate.Scopes;

/// <summary>The exceptions of misuse: each names the work and the remedy.</summary>
internal static class ScopeErrors
{
    public const string OutsideRequests =
        "Outside requests begin one: await using var scope = sessions.BeginScope(DatabaseRole.Master); …; await scope.CommitAsync(); "
        + "(sessions is IReplicatedSessions from the container). Inside requests app.UseReplicatedSessions() begins it.";

    public static ObjectDisposedException Ended(OperationName work) => new(
        objectName: null,
        $"{work} has ended, and its sessions and connections with it. Work that outlives a request needs a scope of its own "
        + "(IReplicatedSessions.BeginScope); error pages run in the same container scope as the failed request unless the exception "
        + "handler or UseStatusCodePagesWithReExecute has CreateScopeForErrors = true.");

    public static InvalidOperationException ClosedSession(OperationName work, Exception inner) => new(
        $"{work} used a session that was closed when its request or scope ended. A service that was created for a request's first run "
        + "still holds that run's session when an error page or a status-code page runs in the same container scope: set CreateScopeForErrors = true "
        + "on UseExceptionHandler or UseStatusCodePagesWithReExecute. Work that outlives a request needs a scope of its own (IReplicatedSessions.BeginScope).",
        inner);

    public static InvalidOperationException NoScope(string where) => new(
        $"There is no scope here, so nobody knows which server to use and who would commit. {where}");

    public static FailedStatementException FailedStatement(OperationName work, Exception failure) => new(
        $"The transaction of {work} was rolled back instead of committed, because a statement in it failed ({failure.GetType().Name}: {failure.Message}) "
        + "and the error was swallowed. Let the exception through, or run what may fail in a scope of its own (IReplicatedSessions.BeginScope).",
        failure);

    public static InvalidOperationException RootProvider() => new(
        "ISession, IStatelessSession, DbConnection and IReplicatedScope belong to a request or a scope, but the root provider was asked for one: by a singleton, a hosted service, "
        + "or app.Services. It would be kept as long as the application runs, and nobody would commit its work. Take IReplicatedSessions instead and begin a scope for each piece of work "
        + "(await using var scope = sessions.BeginScope(DatabaseRole.Master); …; await scope.CommitAsync();), or make a container scope for it (IServiceScopeFactory.CreateAsyncScope()).");

    public static InvalidOperationException RollbackOnly(OperationName work) => new(
        $"{work} was rolled back instead of committed, because SetRollbackOnly() was called before.");

    public static InvalidOperationException RollbackOnlyTooLate(OperationName work) => new(
        $"SetRollbackOnly() was called after the work of {work} was committed. Call it before the result is executed and before the first byte of the response.");

    public static InvalidOperationException Upgraded(OperationName work) => new(
        $"{work} has become a WebSocket, and its own work was committed before that. A socket may stay for days, so each message needs a scope of its own: "
        + "await using var scope = sessions.BeginScope(DatabaseRole.Master); …; await scope.CommitAsync(); (sessions is IReplicatedSessions from the container).");

    public static InvalidOperationException LostConnection(OperationName work) => new(
        $"The connection of {work} was closed in the middle of its transaction, which the server has rolled back; nothing of it can be committed. "
        + "Either the connection broke, or somebody disposed session.Connection, which is only lent.");

    public static InvalidOperationException TwoAtOnce(OperationName work) => new(
        $"{work} began a statement while another one was still opening the connection that both share. A connection runs one statement at a time: await each, or "
        + "begin a scope of its own for what is to run beside it (IReplicatedSessions.BeginScope).");

    public static InvalidOperationException EndsTransaction(OperationName work, string what) => new(
        $"{work} ran {what}, which begins or ends a transaction behind the one of the scope, whose work would be lost or committed without a word. Use the session's "
        + "or the connection's transaction (Commit, Rollback), begin a scope of its own (IReplicatedSessions.BeginScope), or set Replicated:TransactionPerRequest to false.");

    public static InvalidOperationException LateSnapshot(OperationName work) => new(
        $"UseSnapshot() was called after {work} had read already, which is of another moment. Call it before the first statement"
        + (work.Kind is WorkKind.Scope or WorkKind.ContainerScope ? "." : $", or put [UseSnapshot] on {work.Place}."));

    public static InvalidOperationException OtherLevel(OperationName work, IsolationLevel asked, IsolationLevel level) => new(
        $"Isolation level {asked} was asked for, but the transaction of {work} has begun with {level}. "
        + "Ask for it before the first statement, or set Replicated:TransactionPerRequest to false and begin transactions yourself.");

    public static InvalidOperationException NoSnapshot(OperationName work, IsolationLevel asked, IsolationLevel level) => new(
        $"Isolation level {asked} was asked for, but what {work} reads is one snapshot ({level}). Ask for no level, or for that one; what must see later "
        + "commits belongs in a scope of its own (IReplicatedSessions.BeginScope).");

    public static InvalidOperationException ReadBesideWrite(OperationName work, bool isCommitted) => new(
        $"{work} has written on the master, in a UseMaster() block or a transaction of its own, and reads on its slave, where the write is {(isCommitted ? "not replayed yet" : "not to be seen because it is not committed yet")}. "
        + "Read inside the block too, by GetCurrentSession(); or commit the write first, in the block's transaction (BeginTransaction, Commit) or in a scope of its own (IReplicatedSessions.BeginScope), and begin no transaction "
        + $"on the slave; or put [UseMaster] on {work.Place}. Where the read need not see it, ask for the slave explicitly (UseSlave()).");

    public static InvalidOperationException StillReading(OperationName work) => new(
        $"{work} has written, and its response begins while the rows of a query are still being read, so it cannot be committed before its first byte. "
        + "Read the rows to the end first (ToList), or write the response from a slave session.");

    public static InvalidOperationException WroteWhileStreaming(OperationName work) => new(
        $"{work} wrote while its response was being written from the rows of a query, so that bytes left before the commit. It was rolled back and the response broken off. "
        + "Read the rows to the end first (ToList), or write before the first of them is asked for.");

    public static InvalidOperationException StillRunning(OperationName work) => new(
        $"{work} has ended while one of its statements was still running, so it could not be committed. Await every statement; work that outlives "
        + "a request needs a scope of its own (IReplicatedSessions.BeginScope).");

    public static string WriteAfterCompletion(OperationName work, string what) =>
        $"{what} after the work of {work} was committed or rolled back: nobody would commit it any more. Write in {work.Place}, before its "
        + "result is executed and before the first byte of the response; for later work begin a scope (IReplicatedSessions.BeginScope).";

    /// <summary>Keeps the stack of an exception that is thrown again from an expression.</summary>
    public static Exception Rethrown(this Exception exception)
    {
        ExceptionDispatchInfo.Throw(exception);
        return exception;
    }
}

/// <summary>A statement failed, and the application went on as if it had not: its transaction was rolled back.</summary>
internal sealed class FailedStatementException(string message, Exception failure) : InvalidOperationException(message, failure);
