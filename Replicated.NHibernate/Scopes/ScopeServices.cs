using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Replicated.NHibernate.Consistency;
using Replicated.NHibernate.Diagnostics;
using Replicated.NHibernate.Nodes;
using Replicated.NHibernate.Settings;

namespace Replicated.NHibernate.Scopes;

/// <summary>What every scope of an application shares. Thread-safe.</summary>
internal sealed class ScopeServices(NodePool pool, OptionsSnapshot settings, TokenValidator tokens, ReplicatedMetrics metrics, ILoggerFactory loggers, IEnumerable<ConnectionOpenedHandler> opened, IScopeDiagnosis? application = null, IServiceScopeFactory? scopes = null)
{
    public NodePool Pool { get; } = pool;

    /// <summary>Tells the application's scopes from those of another one in the process.</summary>
    public IScopeDiagnosis? Application { get; } = application;

    public TokenValidator Tokens { get; } = tokens;

    public OptionsSnapshot Settings { get; } = settings;

    /// <summary>What the application does with each connection that a scope takes.</summary>
    public ConnectionHooks ConnectionHooks { get; } = new(opened);

    public IServiceScopeFactory? ScopeFactory { get; } = scopes;

    public ReplicatedMetrics Metrics { get; } = metrics;

    public ILogger Logger { get; } = loggers.CreateLogger(Log.Category);

    /// <summary>Read once: whoever begins transactions must not change with a reload.</summary>
    public bool TransactionPerRequest { get; } = settings.Value.Options.TransactionPerRequest;

    public bool HasSlaves => Pool.HasSlaves;
}
