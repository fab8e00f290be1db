using Microsoft.Extensions.Options;
using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Nodes;

/// <summary>What changes while the application runs, and what a person should hear of once.</summary>
internal sealed partial class NodeRegistry
{
    private string? _saidMaster;

    // Before anything of a reload is taken.
    private void CanReload(ReplicatedOptions options)
    {
        var (_, slaves) = _nodes.Create(options, _provider);
        if (slaves.Length > 0 && _startedWithoutSlaves)
        {
            throw new OptionsValidationException(
                Options.DefaultName,
                typeof(ReplicatedOptions),
                ["The application was started without a slave, so nothing was made ready for one. Restart it to add the first; more can be added while it runs."]);
        }
    }

    private void Reload(ReplicatedOptions options)
    {
        lock (_changing)
        {
            var (master, configured) = _nodes.Create(options, _provider);
            Node[] next = [.. configured.Select(Kept)];
            var changed = !Shown(next).SequenceEqual(Shown(_slaves), StringComparer.Ordinal) || !next.SequenceEqual(_slaves);
            foreach (var (node, now) in next.Zip(configured))
            {
                node.Weight = now.Weight;
                node.IsSeveral |= now.IsSeveral;
            }

            // Whoever is on one that was taken away stays there to the end of its scope.
            _slaves = next;
            _choice = Choose();
            if (changed)
            {
                _logger.SlavesChanged(string.Join(", ", Shown(next)));
            }

            if (master.ConnectionString != Master.ConnectionString && master.ConnectionString != _saidMaster)
            {
                _saidMaster = master.ConnectionString;
                _logger.MasterNeedsRestart();
            }
        }
    }

    private Node Kept(Node configured) => Array.Find(
        _slaves,
        s => s.Name.Equals(configured.Name, StringComparison.OrdinalIgnoreCase) && s.ConnectionString == configured.ConnectionString) ?? configured;

    private static IEnumerable<string> Shown(IEnumerable<Node> slaves) => slaves.Select(s => $"{s.Name} (weight {s.Weight})");

    private IEnumerable<NodeFigures> Observed() => _slaves.Append(Master).Select(n => new NodeFigures(
        n.Name,
        StateOf(n).Name(),
        n.Role == DatabaseRole.Slave && n.Reading is not null ? n.Lag.TotalSeconds : null,
        n.Reading is { } reading ? (_clock.GetUtcNow() - reading.At).TotalSeconds : null));
}
