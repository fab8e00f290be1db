using Microsoft.Extensions.Logging;

namespace Replicated.NHibernate.Diagnostics;

/// <summary>Every message of the library. Ids are stable and never reused; none carries a connection string.</summary>
internal static partial class Log
{
    public const string Category = "Replicated.NHibernate";

    [LoggerMessage(1, LogLevel.Debug, "Route of {Work}: role={Role}; node={Node}; reason={Reason}")]
    public static partial void RouteTaken(this ILogger logger, string work, string role, string node, string reason);

    [LoggerMessage(2, LogLevel.Warning, "Node {Node} could not be opened ({Error}). Next: {Next}")]
    public static partial void NodeNotOpened(this ILogger logger, string node, string error, string next);

    [LoggerMessage(3, LogLevel.Warning, "{Work} asked for a session before routing had found its endpoint, so the master answered (reason before-routing). Place app.UseReplicatedSessions() after app.UseRouting() and before whatever uses a session. Said once per application.")]
    public static partial void AskedEarly(this ILogger logger, string work);

    [LoggerMessage(4, LogLevel.Warning, "{Work} has a read-only verb but wrote to the master ({Changes}). Before switching AutoReadOnSlave on, put [UseMaster] on it, or it will fail on a slave. What nobody meant to change (a NULL in a property that cannot hold it, a user type without Equals) is to be mended in the mapping, or see Replicated:ChangesOnSlave.")]
    public static partial void WroteWithReadOnlyVerb(this ILogger logger, string work, string changes);

    [LoggerMessage(5, LogLevel.Warning, "{Work} ended with writes that nobody committed; they were rolled back. Call CommitAsync() on the scope, or commit the session's transaction, before disposing it.")]
    public static partial void UncommittedWritesRolledBack(this ILogger logger, string work);

    [LoggerMessage(6, LogLevel.Error, "{Work} changed entities after its commit; nobody writes those changes. Change entities in the action, not in the view or in the response's callbacks.")]
    public static partial void ChangedAfterCommit(this ILogger logger, string work);

    [LoggerMessage(7, LogLevel.Error, "The reloaded configuration is not valid and was not taken; the former one stays in force. {Errors}")]
    public static partial void ReloadRefused(this ILogger logger, string errors);

    [LoggerMessage(8, LogLevel.Warning, "app.UseReplicatedSessions() runs before routing: whatever uses a session between the two gets the master. Place it after app.UseRouting(). Said once per application.")]
    public static partial void PlacedBeforeRouting(this ILogger logger);

    [LoggerMessage(9, LogLevel.Warning, "{Work} answered 503: {Reason}")]
    public static partial void NoServerForRequest(this ILogger logger, string work, string reason);

    [LoggerMessage(10, LogLevel.Error, "The work of {Work} could not be rolled back; its connection is closed instead.")]
    public static partial void RollbackFailed(this ILogger logger, Exception exception, string work);

    [LoggerMessage(11, LogLevel.Warning, "Node {Node} is {State}, was {Former}: {Why}.")]
    public static partial void NodeChanged(this ILogger logger, string node, object state, object former, string why);

    [LoggerMessage(12, LogLevel.Debug, "Node {Node} is {State}, was {Former}: {Why}.")]
    public static partial void NodeFound(this ILogger logger, string node, object state, object former, string why);

    [LoggerMessage(13, LogLevel.Warning, "{Node} is configured as a slave but follows no master. In development with one database that is fine; anywhere else its connection string leads to the wrong server. Said once per application.")]
    public static partial void SlaveFollowsNobody(this ILogger logger, string node);

    [LoggerMessage(14, LogLevel.Error, "The connection strings seem to be exchanged: the master follows another server, and {Slave} follows none. Exchange ConnectionStrings:Master and {Slave}'s.")]
    public static partial void RolesExchanged(this ILogger logger, string slave);

    [LoggerMessage(15, LogLevel.Information, "The slaves are now: {Slaves}.")]
    public static partial void SlavesChanged(this ILogger logger, string slaves);

    [LoggerMessage(16, LogLevel.Warning, "The master's connection string has changed; it is taken with the next start of the application.")]
    public static partial void MasterNeedsRestart(this ILogger logger);

    [LoggerMessage(17, LogLevel.Warning, "{Work} has begun a transaction on the master and not ended it: it is left to the application, and rolled back with the request unless it is committed. Call Commit() before the action returns, or begin no transaction: the request has one.")]
    public static partial void TransactionLeftOpen(this ILogger logger, string work);

    [LoggerMessage(18, LogLevel.Warning, "{Work} has read on a slave what NHibernate takes for changed: {Changes}. Nothing of it is written, because Replicated:ChangesOnSlave is Warn. Put [UseMaster] where it is meant; where nobody meant it, mend the mapping: a NULL in a property that cannot hold it, or a user type whose Equals does not compare values.")]
    public static partial void ChangedOnSlave(this ILogger logger, string work, string changes);

    [LoggerMessage(19, LogLevel.Warning, "{Work} has committed after its response had begun, so the response cannot carry the token, and the client's next read may not see the write. Commit before the action returns and before the first byte of the response. Said once per request.")]
    public static partial void TokenLost(this ILogger logger, string work);

    [LoggerMessage(30, LogLevel.Warning, "Node {Node} works, but it or the pool has no connection left ({Error}). Next: {Next}")]
    public static partial void NodeBusy(this ILogger logger, string node, string error, string next);

    [LoggerMessage(31, LogLevel.Warning, "Node {Node} does not tell how far it is ({Error}), so no read waits for it, and MaxLag does not see it. Grant the functions that the documentation names, or accept it. Said once per node.")]
    public static partial void PositionsOff(this ILogger logger, string node, string error);

    [LoggerMessage(32, LogLevel.Warning, "Sessions of slave role on {Node} are not in the database's read-only mode although their connection string asks for it: a pooler in between drops startup options (PgBouncer: ignore_startup_parameters). Their reads run in transactions that are read-only, one more round trip each; after the commit point writes are refused by their words alone. Set default_transaction_read_only for the role or the database of that pooler, or connect past it. Said once per node.")]
    public static partial void ReadOnlyModeOff(this ILogger logger, string node);

    [LoggerMessage(33, LogLevel.Warning, "With {Database} through {ConnectionType} these are off: {Off}. Said once per application.")]
    public static partial void SwitchedOff(this ILogger logger, string database, string connectionType, string off);

    [LoggerMessage(34, LogLevel.Information, "Statements are not prepared on {Node}: a pooler is in between. Said once per node.")]
    public static partial void NotPrepared(this ILogger logger, string node);

    [LoggerMessage(38, LogLevel.Warning, "Several servers stand behind the address of {Node}, so what one connection finds out counts for no other: each one is asked which server it leads to, each read of a client's own write asks for its place, and MaxLag is off there. Better: name each server as a slave of its own. Said once per node.")]
    public static partial void SeveralServers(this ILogger logger, string node);

    [LoggerMessage(39, LogLevel.Information, "Node {Node} at {Host} {Is}. Server: {Address}; cluster: {Cluster}. Positions: {Positions}; read-only mode of slave sessions: {ReadOnlyMode}; MaxLag: {Lag}. Said once per node.")]
    public static partial void NodeMet(this ILogger logger, string node, string host, string @is, string address, string cluster, string positions, string readOnlyMode, string lag);

    [LoggerMessage(50, LogLevel.Warning, "Node {Node} does not let the application's user ask {Unknown} Said once per node.")]
    public static partial void StatusUnknown(this ILogger logger, string node, string unknown);

    [LoggerMessage(40, LogLevel.Information, "Reads go to the slaves: {Slaves}.")]
    public static partial void Started(this ILogger logger, string slaves);

    [LoggerMessage(41, LogLevel.Warning, "ConnectionStrings:{Name} is read by nobody. A slave is ConnectionStrings:Slave, or an entry of Replicated:Slaves whose ConnectionStringName is '{Name}'.")]
    public static partial void ConnectionStringNotRead(this ILogger logger, string name);

    [LoggerMessage(42, LogLevel.Warning, "{Type} in the container is the application's own registration and not the routed one, so what takes it by injection is not routed. Remove that registration.")]
    public static partial void NotRouted(this ILogger logger, string type);

    [LoggerMessage(43, LogLevel.Warning, "{Text}")]
    public static partial void RegistrationDoubtful(this ILogger logger, string text);

    [LoggerMessage(44, LogLevel.Information, "AutoReadOnSlave is {Value} now: {Meaning}.")]
    public static partial void AutoReadOnSlaveSwitched(this ILogger logger, bool value, string meaning);

    [LoggerMessage(60, LogLevel.Information, "The first statement of {Work} was sent once more: {Node} lost it ({Error}). Next: {Next}")]
    public static partial void StatementRepeated(this ILogger logger, string work, string node, string error, string next);
}
