using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Replicated.NHibernate.Diagnostics;

namespace Replicated.NHibernate.Settings;

/// <summary>An immutable copy of the options, in the form the request path wants.</summary>
internal sealed class SettingsSnapshot
{
    private readonly string[] _readOnlyMethods;

    public SettingsSnapshot(ReplicatedOptions options)
    {
        Options = options;
        AutoReadOnSlave = options.AutoReadOnSlave;
        RouteHeader = options.RouteHeader;
        // The binder appends to a list that is not empty, so the default cannot stand in the option's initializer.
        _readOnlyMethods = options.ReadOnlyMethods.Count == 0 ? ["GET", "HEAD"] : [.. options.ReadOnlyMethods];
    }

    public ReplicatedOptions Options { get; }

    public bool AutoReadOnSlave { get; }

    public bool RouteHeader { get; }

    public bool IsReadOnly(string method)
    {
        foreach (var candidate in _readOnlyMethods)
        {
            if (string.Equals(candidate, method, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>The settings in force: the last ones that were valid. Thread-safe.</summary>
internal sealed class OptionsSnapshot : IDisposable
{
    private readonly IOptionsFactory<ReplicatedOptions> _factory;
    private readonly ILogger _logger;
    private readonly IDisposable[] _subscriptions;
    private volatile SettingsSnapshot _value;
    private Action<SettingsSnapshot>? _checks;
    private Action<SettingsSnapshot>? _listeners;

    public OptionsSnapshot(
        IOptionsFactory<ReplicatedOptions> factory,
        IEnumerable<IOptionsChangeTokenSource<ReplicatedOptions>> sources,
        ILoggerFactory loggers)
    {
        _factory = factory;
        _logger = loggers.CreateLogger(Log.Category);
        _value = new SettingsSnapshot(factory.Create(Options.DefaultName));
        _subscriptions = [.. sources.Select(s => ChangeToken.OnChange(s.GetChangeToken, Reload))];
    }

    public SettingsSnapshot Value => _value;

    /// <summary>Has <paramref name="check"/> called with each reload before it is taken; what throws refuses it.</summary>
    public void Check(Action<SettingsSnapshot> check) => _checks += check;

    /// <summary>Has <paramref name="listener"/> called after each reload that was valid.</summary>
    public void OnChange(Action<SettingsSnapshot> listener) => _listeners += listener;

    public void Dispose()
    {
        foreach (var subscription in _subscriptions)
        {
            subscription.Dispose();
        }
    }

    private void Reload()
    {
        var former = _value;
        try
        {
            var next = new SettingsSnapshot(_factory.Create(Options.DefaultName));
            _checks?.Invoke(next);
            _value = next;
        }
        catch (Exception e)
        {
            // Whatever it is: the application's own code may take part in making the options.
            _logger.ReloadRefused(e.Message);
            return;
        }

        var value = _value;
        if (value.AutoReadOnSlave != former.AutoReadOnSlave)
        {
            _logger.AutoReadOnSlaveSwitched(value.AutoReadOnSlave, value.AutoReadOnSlave ? "read-only verbs read from slaves" : "only what asks for a slave explicitly reads from one");
        }

        _listeners?.Invoke(value);
    }
}
