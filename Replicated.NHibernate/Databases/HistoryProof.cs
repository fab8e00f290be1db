using System.Data.Common;
using System.Globalization;

namespace Replicated.NHibernate.Databases;

/// <summary>What a master wrote into its log so that a slave can be seen to have replayed just that log. Immutable.</summary>
internal abstract class HistoryProof
{
    /// <summary>Whether a slave has it; <see langword="null"/> where it is not there yet.</summary>
    public abstract Task<bool?> IsOn(DbConnection slave, CancellationToken cancellationToken);
}

/// <summary>
/// A row of PostgreSQL transactions, committed or rolled back at random: what became of each of them shows on a slave to any user, and another log has others of the same
/// numbers. They change nothing and are allowed in read-only sessions.
/// </summary>
internal sealed class CommitSignature : HistoryProof
{
    // Another log looks the same once in 2^30 cases.
    private const int Transactions = 30;

    private readonly string _question;
    private readonly string[] _ends;

    private CommitSignature(List<long> ids, List<bool> isCommitted)
    {
        _question = "select " + string.Join(", ", ids.Select(static id => string.Create(CultureInfo.InvariantCulture, $"txid_status({id})")));
        _ends = [.. isCommitted.Select(static c => c ? "committed" : "aborted")];
    }

    public static async Task<CommitSignature> Write(DbConnection master, CancellationToken cancellationToken)
    {
        var (ids, isCommitted) = (new List<long>(), new List<bool>());
        await using var command = master.CreateCommand();
        // The last one is committed, so that all of them leave the server at once.
        for (var i = 0; i <= Transactions; i++)
        {
            isCommitted.Add(i == Transactions || Random.Shared.Next(2) == 0);
            command.CommandText = $"begin; select txid_current(); {(isCommitted[i] ? "commit" : "rollback")}";
            ids.Add((long)(await command.ExecuteScalarAsync(cancellationToken))!);
        }

        return new CommitSignature(ids, isCommitted);
    }

    /// <inheritdoc />
    /// <remarks>Throws <see cref="DbException"/> where the slave has not heard of the last of them, which says nothing.</remarks>
    public override async Task<bool?> IsOn(DbConnection slave, CancellationToken cancellationToken)
    {
        await using var command = slave.CreateCommand();
        command.CommandText = _question;
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        var ends = Enumerable.Range(0, _ends.Length).Select(i => reader.IsDBNull(i) ? null : reader.GetString(i)).ToArray();
        return Array.Exists(ends, static e => e is not ("committed" or "aborted")) ? null : ends.SequenceEqual(_ends, StringComparer.Ordinal);
    }
}
