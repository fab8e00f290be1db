using System.Data;
using System.Data.Common;
using NHibernate;
using NHibernate.AdoNet;
using NHibernate.Driver;
using NHibernate.Engine;
using NHibernate.SqlCommand;
using NHibernate.SqlTypes;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Sessions;

/// <summary>What the batcher refuses, and what it remembers.</summary>
internal sealed partial class ReplicatedBatcher
{
    /// <summary>Throws where a write must not happen now.</summary>
    public void Refuse(string what, WriteLayer layer)
    {
        switch (unit is null ? (IsOnSlave ? WriteRefusal.Slave : null) : unit.Role.Refusal)
        {
            case WriteRefusal.Slave:
                throw SlaveWriteException.Of(what, layer, unit?.Role);
            case WriteRefusal.AfterCompletion:
                throw WriteAfterCompletionException.Of(what, unit!.Role.Scope.Work);
        }
    }

    public bool Refuses => unit is null ? IsOnSlave : unit.Role.Refusal is not null;

    /// <summary>Whether row locks are refused too: after the commit on the master they are in vain, on a slave they write.</summary>
    public bool IsOnSlave => (unit is null ? Provider.Role : unit.Role.Role) == DatabaseRole.Slave;

    private void WriteStarts(SqlString sql)
    {
        if (Refuses)
        {
            Refuse(SqlClassifier.Classify(sql.ToString()).Describe(), WriteLayer.Batcher);
        }

        unit?.Role.NoteWrite();
    }

    private void WriteStarts(DbCommand command)
    {
        if (Refuses)
        {
            Refuse(SqlClassifier.Classify(command.CommandText).Describe(), WriteLayer.Batcher);
        }

        unit?.Role.NoteWrite();
    }

    // A query may write too: an insert that returns its id, UPDATE … RETURNING by List().
    private void QueryStarts(DbCommand command)
    {
        var verdict = SqlClassifier.Classify(command.CommandText);
        if (verdict.Has(SqlKind.Write))
        {
            WriteStarts(command);
        }
        else if (IsOnSlave && verdict.Kind >= SqlKind.RowLock)
        {
            Refuse(verdict.Describe(), WriteLayer.Batcher);
        }
    }

    // What the database refuses in a later statement of one text would be swallowed when NHibernate closes the reader.
    private void ReadToTheEnd(DbCommand? command, DbDataReader? reader)
    {
        if (!Refuses || reader is not { IsClosed: false } || command is null || !SqlClassifier.Classify(command.CommandText).HasSeveralStatements)
        {
            return;
        }

        try
        {
            while (reader.NextResult())
            {
            }
        }
        catch (DbException e) when (DatabaseDialect.IsReadOnlyRefusal(e))
        {
            throw Translated(e, command);
        }
    }

    private DbDataReader Reading(DbDataReader reader) => unit?.Role.Reads(reader, reader is NHybridDataReader { Target: { } target } ? target : reader) ?? reader;

    // A stateless session executes what waits when it is closed, which for the scope's end is no statement of somebody else's.
    private bool Counts()
    {
        if (unit is null or { IsEnding: true })
        {
            return false;
        }

        unit.Role.Starts();
        return true;
    }

    // The batcher inside knows its readers by themselves.
    private static DbDataReader? Own(DbDataReader? reader) => reader is RoutedReader routed ? routed.Inner : reader;

    private bool Noted(Exception e)
    {
        unit?.Role.NoteFailure(e);
        return true;
    }

    private Exception Translated(Exception e, DbCommand command) =>
        Refuses && e is DbException said && DatabaseDialect.IsReadOnlyRefusal(said)
            ? SlaveWriteException.Of(SqlClassifier.Classify(command.CommandText).Describe(), WriteLayer.Database, unit?.Role, e)
            : e.Rethrown();
}
