using System.Data;
using System.Data.Common;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Scopes;

/// <summary>A provider's connection that was taken from a node's pool, who reads from it, and its way back. Not thread-safe, but for giving it back.</summary>
internal sealed class LeasedConnection(NodePool pool)
{
    private NodeConnection? _opened;
    private DbDataReader? _reader;
    private int _holds;

    public NodeConnection? Opened => _opened;

    public DbConnection? Current => _opened?.Connection;

    public bool IsOpen => Current is { State: ConnectionState.Open };

    /// <summary>Whether rows of a query are still to be read: until then a connection can do nothing else.</summary>
    public bool IsReading => _reader is { IsClosed: false };

    /// <summary>The node that the scope stays on, also between two connections.</summary>
    public Node? Node { get; private set; }

    /// <summary>Whether a statement has run on this connection, so that another one could not take its place.</summary>
    public bool HasRun { get; private set; }

    /// <summary>Whether a statement of the scope has run on the node, so that another one could not take its place.</summary>
    public bool HasRead { get; private set; }

    public void NoteRun() => (HasRun, HasRead) = (true, true);

    public void Take(NodeConnection opened)
    {
        (_opened, HasRun) = (opened, false);
        Interlocked.Exchange(ref _holds, 1);
    }

    /// <summary>Which server it was, where several stand behind the node's address.</summary>
    public ServerIdentity? Server { get; private set; }

    public void Pin(NodeConnection opened) => (Node, Server) = (opened.Node, opened.Server);

    public void NoteReader(DbDataReader reader) => _reader = reader;

    public async ValueTask CloseReader(bool async)
    {
        if (async)
        {
            await (_reader?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
        else
        {
            _reader?.Dispose();
        }
    }

    /// <summary>Gives the connection back, once: by the scope's end, or by a forgotten task that connected meanwhile, whichever comes first.</summary>
    /// <param name="before">What is to be done with the connection first.</param>
    /// <param name="async">Whether to wait for the database without a thread.</param>
    public ValueTask GiveBack(SlaveSnapshot? before, bool async)
    {
        if (Interlocked.Exchange(ref _holds, 0) == 0)
        {
            return ValueTask.CompletedTask;
        }

        var opened = _opened!;
        if (before is { IsPhysical: true })
        {
            return GiveBackAfter(before, opened, async);
        }

        (_opened, _reader) = (null, null);
        before?.Forget();
        return pool.Close(opened, async);
    }

    private async ValueTask GiveBackAfter(SlaveSnapshot before, NodeConnection opened, bool async)
    {
        await before.End(this, async);
        (_opened, _reader) = (null, null);
        await pool.Close(opened, async);
    }
}
