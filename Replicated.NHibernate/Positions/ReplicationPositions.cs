using System.Data.Common;

namespace Replicated.NHibernate;

/// <summary>
/// How a database tells how far its master has written and how far a slave has followed, in plain SQL over any ADO.NET provider. PostgreSQL's
/// is built in, as are MariaDB's and MySQL's; register another one as a singleton before <c>AddReplicatedNHibernate</c>. Implementations
/// are thread-safe and keep no connection.
/// </summary>
public abstract class ReplicationPositions
{
    /// <summary>One row: a place in the master's log behind everything that was committed on it before. Asked after a commit.</summary>
    public abstract string MasterQuery { get; }

    /// <summary>
    /// One row that any server answers, whatever it is at this moment: how far a slave has followed, so that queries on it see everything up to there, or how far a
    /// master has written; and what <see cref="ReadStatus"/> needs beside it. Asked of every server once in each <c>Probe:Interval</c>, in the background.
    /// </summary>
    public abstract string StatusQuery { get; }

    /// <summary>
    /// As <see cref="StatusQuery"/>, for a server that may not tell how far it is: the place is null. <see langword="null"/>, the default, where there is no such question.
    /// </summary>
    public virtual string? StatusWithoutPositionQuery => null;

    /// <summary>
    /// One row, one text: <see cref="ServerIdentity.Cluster"/>. Asked once of each server that <see cref="StatusQuery"/> names. <see langword="null"/>, the default, where
    /// it cannot be asked: then nobody notices a server of another cluster.
    /// </summary>
    public virtual string? ClusterQuery => null;

    /// <summary>One row, as <see cref="StatusQuery"/> gives it as far as <see cref="Read"/> goes, as soon as the slave has reached a place, or when the time is over.</summary>
    /// <param name="wanted">The place. It may come from a client: nothing but its two numbers may get into the statement.</param>
    /// <param name="atMost">How long the statement may wait on the server; zero asks once.</param>
    /// <returns>One statement that only reads.</returns>
    public abstract string WaitQuery(Position wanted, TimeSpan atMost);

    /// <summary>Reads what one of the queries answered.</summary>
    /// <param name="row">The row; not to be moved on.</param>
    /// <returns>The place, or <see langword="null"/> where the server could not tell.</returns>
    public abstract Position? Read(DbDataReader row);

    /// <summary>Reads what <see cref="StatusQuery"/> answered.</summary>
    /// <param name="row">The row. Further results of the same question may be read behind it.</param>
    /// <returns>What the server is, and how far.</returns>
    public abstract ReplicationStatus ReadStatus(DbDataReader row);

    /// <summary>
    /// Whether a log with a higher number continues a lower one from the place at which a slave was promoted, as PostgreSQL's timelines do. Default <see langword="false"/>.
    /// </summary>
    public virtual bool LogsContinue => false;

    /// <summary>Whether a slave at one place has everything up to another.</summary>
    /// <param name="wanted">What has to be there.</param>
    /// <param name="replayed">How far the slave is.</param>
    /// <returns><see langword="false"/> also where the two cannot be compared.</returns>
    public abstract bool IsReached(Position wanted, Position replayed);

    /// <summary>A position that is reached where both of two are, for clients that wrote in several logs.</summary>
    /// <param name="one">A position.</param>
    /// <param name="other">Another position.</param>
    /// <returns><see langword="null"/>, the default, where one log follows the other, so that the later place counts.</returns>
    public virtual Position? Union(Position one, Position other) => null;
}
