using System.Data;
using System.Data.Common;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Scopes;

/// <summary>What is told of a role's writes, and what a slave must have before it is read again.</summary>
internal sealed partial class RoleConnection
{
    private int _knownCommits;
    private bool _hasUnmarkedWrites;

    /// <summary>Marks what was written without a transaction of the scope's, which its database committed by itself.</summary>
    public ValueTask MarkWrites(bool async) => _hasUnmarkedWrites ? MarkWrites(new Committed(Wrote: true, Position: null), async) : ValueTask.CompletedTask;

    private async ValueTask MarkWrites(Committed committed, bool async)
    {
        if (!committed.Wrote)
        {
            if (committed.Position is { } read)
            {
                _scope.NoteRead(read);
            }

            return;
        }

        (Wrote, _hasUnmarkedWrites) = (true, false);
        // The place of a commit that is still to come is not known.
        _scope.NoteCommit(committed.Position ?? (IsJoined ? null : await AskForPosition(async)));
    }

    /// <summary>Remembers how far a slave was after the last read, where reads are not to go back.</summary>
    public async ValueTask NoteRead(bool async)
    {
        if (_scope.Services.Marks.IsMonotonic && await AskForPosition(async) is { } position)
        {
            _scope.NoteRead(position);
        }
    }

    // Where no commit has told it: one more round trip.
    private async ValueTask<Position?> AskForPosition(bool async)
    {
        if (_scope.Services.Marks.Positions is not { } positions || Current is not { State: ConnectionState.Open } connection)
        {
            return null;
        }

        try
        {
            using var command = connection.CreateCommand();
            command.CommandText = _node is { Role: DatabaseRole.Slave } ? positions.StatusQuery : positions.MasterQuery;
            using var reader = async ? await command.ExecuteReaderAsync(CancellationToken.None) : command.ExecuteReader();
            return (async ? await reader.ReadAsync() : reader.Read()) ? positions.Read(reader) : null;
        }
        catch (Exception e) when (e is DbException or InvalidOperationException)
        {
            // What was committed stays so; only time can tell then.
            return null;
        }
    }

    // The scope wrote on the master after it had taken this slave, and keeps it: better stale, and saying so, than on two servers.
    private async ValueTask<DbConnection> CaughtUp(NodeConnection opened, bool async, CancellationToken cancellationToken)
    {
        _knownCommits = _scope.Commits;
        if (opened.Node.Role == DatabaseRole.Slave && !await _scope.Services.Pool.HasReached(opened, _scope.Goal, async, cancellationToken))
        {
            _decision = _decision with { Reason = RouteReason.Stale };
        }

        return opened.Connection;
    }
}
