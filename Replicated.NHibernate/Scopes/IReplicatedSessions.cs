namespace Replicated.NHibernate;

/// <summary>Says where a stretch of code works, where neither verb nor attribute can. A singleton; thread-safe.</summary>
public interface IReplicatedSessions
{
    /// <summary>Where <c>GetCurrentSession()</c> would work now, and why; <see langword="null"/> outside any scope.</summary>
    Route? CurrentRoute { get; }

    /// <summary>
    /// What reads here must see: the token that the client or the message carried, or, once a commit here has written, that of the commit. For the
    /// message of a job that reads what was written before it; <see langword="null"/> where there is none.
    /// </summary>
    ConsistencyToken? CurrentToken { get; }

    /// <summary>
    /// Until disposed, <c>GetCurrentSession()</c> answers with the scope's master session. Sessions that were injected before are not
    /// changed. Blocks nest, and parallel branches do not disturb each other.
    /// </summary>
    /// <returns>The block; disposing it brings the former role back.</returns>
    /// <exception cref="InvalidOperationException">There is no scope here.</exception>
    IDisposable UseMaster();

    /// <summary>
    /// Until disposed, <c>GetCurrentSession()</c> answers with the scope's slave session, whatever the verb. Sessions that were injected
    /// before are not changed. Blocks nest, and parallel branches do not disturb each other.
    /// </summary>
    /// <returns>The block; disposing it brings the former role back.</returns>
    /// <exception cref="InvalidOperationException">There is no scope here.</exception>
    IDisposable UseSlave();

    /// <summary>
    /// What the scope reads from here on, through sessions that were injected before too, is of one moment: one repeatable-read transaction, begun with
    /// the next statement and, on a slave, ended with the scope or its rollback. For a job or a block of code; actions have <see cref="UseSnapshotAttribute"/>. Calling it again
    /// does nothing.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is no scope here, or the role in force has read already.</exception>
    void UseSnapshot();

    /// <summary>
    /// Begins a scope of its own for work outside a request, or beside it: a job, a console application, a test. The scope is current
    /// until it is disposed, by the method that began it.
    /// </summary>
    /// <param name="role">The role of the work. <see cref="DatabaseRole.Slave"/> is strict: never the master where slaves are configured.</param>
    /// <param name="token">What the scope's reads must see, as a job's message may carry it.</param>
    /// <param name="provider">The services that the application's handlers get, such as <c>OnSessionOpened</c>'s; otherwise those of the request around it, or of a container scope of its own.</param>
    /// <returns>The scope. Commit it, then dispose it.</returns>
    /// <example><code>await using var scope = sessions.BeginScope(DatabaseRole.Master); …; await scope.CommitAsync(ct);</code></example>
    IReplicatedScope BeginScope(DatabaseRole role = DatabaseRole.Master, ConsistencyToken? token = null, IServiceProvider? provider = null);
}
