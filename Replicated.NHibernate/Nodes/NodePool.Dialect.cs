using System.Data;
using System.Data.Common;
using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Nodes;

/// <summary>What the database is, and whether its sessions are what they were asked to be.</summary>
internal sealed partial class NodePool
{
    private int _saidWhatIsOff;

    private bool UsesReadOnlyMode => settings.Value.Options.ReadOnlySwitch;

    /// <summary>Whether the database itself refuses writes in a session of the slave role.</summary>
    public bool IsReadOnly(Node node) => UsesReadOnlyMode && !node.IsReadOnlyModeOff && provider.Dialect is { SwitchesByConnectionString: true } or { MakeReadOnly: not null };

    /// <summary>Asks the servers, one after the other, what they are, until one answers.</summary>
    public async Task Confirm(CancellationToken cancellationToken)
    {
        foreach (var node in Slaves.Append(Master))
        {
            if (provider.IsConfirmed || cancellationToken.IsCancellationRequested)
            {
                return;
            }

            using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            enough.CancelAfter(settings.Value.Options.Probe.Timeout);
            try
            {
                await using var connection = await provider.Open(node.ConnectionString, async: true, enough.Token);
                await provider.Confirm(connection, async: true, enough.Token);
            }
            catch (Exception)
            {
                // The next one may answer; where none does, the first connection of a request is asked.
            }
        }
    }

    /// <summary>Names once what is off with this database.</summary>
    public void SayWhatIsOff()
    {
        var dialect = provider.Dialect;
        string[] off =
        [
            .. Positions is null ? ["positions (reads after a write go to the master for a while; MaxLag does nothing)"] : Array.Empty<string>(),
            .. UsesReadOnlyMode && !dialect.SwitchesByConnectionString && dialect.MakeReadOnly is null
                ? [$"the read-only mode (writes on a slave are refused by their words alone{(dialect.HasFunctionsThatWrite ? ", so functions and procedures that write pass" : "")})"] : Array.Empty<string>(),
            .. !dialect.TellsWrites(Positions) ? ["the commit that tells what was written (statements that write are recognised by their words)"] : Array.Empty<string>(),
        ];
        if (HasSlaves && off.Length > 0 && Interlocked.Exchange(ref _saidWhatIsOff, 1) == 0)
        {
            _logger.SwitchedOff(dialect.Name, provider.ConnectionType, string.Join("; ", off));
        }
    }

    // Where the connection string cannot do it, a statement does, each time that a connection leaves the pool.
    private async ValueTask<DbConnection> ReadOnly(DbConnection connection, bool async, CancellationToken cancellationToken)
    {
        if (provider.IsConfirmed && (provider.Dialect is { SwitchesByConnectionString: true } or { MakeReadOnly: null }))
        {
            return connection;
        }

        try
        {
            if (!provider.IsConfirmed && Positions is null)
            {
                await provider.Confirm(connection, async, cancellationToken);
            }

            if (UsesReadOnlyMode)
            {
                await provider.MakeReadOnly(connection, async, cancellationToken);
            }

            return connection;
        }
        catch (Exception e) when (connection.State != ConnectionState.Open && !cancellationToken.IsCancellationRequested)
        {
            // One from the pool may lead nowhere, which says nothing of its server.
            connection.Dispose();
            throw new QuestionFailedException(e);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }
}
