using System.Data.Common;
using Replicated.NHibernate.Databases;

namespace Replicated.NHibernate.Scopes;

/// <summary>What is told of a role's writes and reads, so that later reads see them.</summary>
internal readonly struct RoleTokens(RoleWork work)
{
    /// <summary>For what was written without a transaction of the scope's, which its database committed by itself.</summary>
    public ValueTask TellWrites(bool async) => work.Writes.HasUntokened ? Tell(new Committed(Wrote: true, Position: null), async) : ValueTask.CompletedTask;

    public async ValueTask Tell(Committed committed, bool async)
    {
        if (committed.Wrote)
        {
            work.Writes.Tokened();
            // The place of a commit that is still to come is not known.
            work.Host.NoteCommit(committed.Position ?? (work.IsJoined ? null : await AskForPosition(async)));
        }
        else if (committed.Position is { } read)
        {
            work.Host.NoteRead(read);
        }
    }

    /// <summary>Remembers how far a slave was after the last read, where reads are not to go back.</summary>
    public async ValueTask TellRead(bool async)
    {
        if (work.Host.Services.Tokens.IsMonotonic && await AskForPosition(async) is { } position)
        {
            work.Host.NoteRead(position);
        }
    }

    // Where no commit has told it: one more round trip.
    private async ValueTask<Position?> AskForPosition(bool async)
    {
        if (work.Host.Services.Tokens.Positions is not { } positions || !work.Lease.IsOpen)
        {
            return null;
        }

        try
        {
            using var command = work.Lease.Current!.CreateCommand();
            command.CommandText = work.Lease.Node is { Role: DatabaseRole.Slave } ? positions.StatusQuery : positions.MasterQuery;
            using var reader = async ? await command.ExecuteReaderAsync(CancellationToken.None) : command.ExecuteReader();
            var place = (async ? await reader.ReadAsync() : reader.Read()) ? positions.Read(reader) : null;
            return place is { } said && work.Lease.Node is { } node ? node.Known(said) : place;
        }
        catch (Exception e) when (e is DbException or InvalidOperationException)
        {
            // What was committed stays so; only time can tell then.
            return null;
        }
    }
}
