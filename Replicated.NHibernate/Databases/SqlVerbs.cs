using System.Collections.Frozen;

namespace Replicated.NHibernate.Databases;

/// <summary>What a verb, or a function, does by its name.</summary>
internal static class SqlVerbs
{
    private static readonly FrozenDictionary<string, (SqlKind Kind, string Word)> Verbs = Table(
        (SqlKind.Query, "select with values table show explain describe desc"),
        (SqlKind.Write, "insert update delete merge truncate create drop alter replace rename do copy load grant revoke comment refresh vacuum reindex cluster "
            + "analyze analyse optimize repair import security reassign notify install uninstall purge change flush kill stop"),
        (SqlKind.SessionSetting, "set reset discard declare fetch move close listen unlisten deallocate prepare use pragma unlock attach detach"),
        (SqlKind.TransactionControl, "begin start commit rollback end abort xa"),
        (SqlKind.Savepoint, "savepoint release save"),
        (SqlKind.RowLock, "lock"),
        (SqlKind.Unknown, "call exec execute handler if"));

    // Those that write to the log or send something; what a function of the application's does, only the server knows.
    private static readonly FrozenDictionary<string, (SqlKind Kind, string Word)> Functions = Table(
        (SqlKind.Write, "nextval setval lo_create lo_creat lo_from_bytea lo_import lo_put lo_unlink lowrite lo_truncate lo_truncate64 pg_notify pg_switch_wal pg_promote "
            + "pg_create_restore_point pg_logical_emit_message pg_create_logical_replication_slot pg_create_physical_replication_slot pg_drop_replication_slot"),
        (SqlKind.AdvisoryLock, "get_lock release_lock release_all_locks"),
        (SqlKind.SessionSetting, "set_config"));

    private static readonly FrozenDictionary<string, (SqlKind, string)>.AlternateLookup<ReadOnlySpan<char>> VerbsBySpan = Verbs.GetAlternateLookup<ReadOnlySpan<char>>();

    private static readonly FrozenDictionary<string, (SqlKind, string)>.AlternateLookup<ReadOnlySpan<char>> FunctionsBySpan = Functions.GetAlternateLookup<ReadOnlySpan<char>>();

    public static bool TryVerb(ReadOnlySpan<char> word, out SqlKind kind, out string name)
    {
        var known = VerbsBySpan.TryGetValue(word, out var found);
        (kind, name) = known ? found : (SqlKind.Unknown, "");
        return known;
    }

    public static bool TryFunction(ReadOnlySpan<char> word, out SqlKind kind, out string name)
    {
        if (FunctionsBySpan.TryGetValue(word, out var found))
        {
            (kind, name) = found;
            return true;
        }

        (kind, name) = (SqlKind.AdvisoryLock, "PG_ADVISORY_LOCK");
        return word.StartsWith("pg_advisory_", StringComparison.OrdinalIgnoreCase) || word.StartsWith("pg_try_advisory_", StringComparison.OrdinalIgnoreCase);
    }

    private static FrozenDictionary<string, (SqlKind Kind, string Word)> Table(params (SqlKind Kind, string Words)[] rows) => rows
        .SelectMany(row => row.Words.Split(' ').Select(word => (Word: word, row.Kind)))
        .ToFrozenDictionary(entry => entry.Word, entry => (entry.Kind, entry.Word.ToUpperInvariant()), StringComparer.OrdinalIgnoreCase);
}
