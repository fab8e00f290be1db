using Microsoft.Extensions.Logging;

namespace Replicated.NHibernate.Tests.Failover;

/// <summary>One message of the library that speaks of a node.</summary>
internal sealed record NodeMessage(TimeSpan At, int Id, string Node, string? State, string? Former, string Text);

/// <summary>What the library logs of its nodes, by the values of its messages and not by their words.</summary>
internal sealed class NodeLog : ILoggerProvider
{
    public const int NotOpened = 2;
    public const int Changed = 11;

    public Happenings<NodeMessage> Messages { get; } = new();

    public IEnumerable<NodeMessage> Changes(string node) => Messages.All.Where(m => m.Id == Changed && m.Node == node);

    public IEnumerable<NodeMessage> FailedOpens(string node) => Messages.All.Where(m => m.Id == NotOpened && m.Node == node);

    /// <summary>The node's first change to that state since then.</summary>
    public Task<NodeMessage> Becomes(string node, string state, TimeSpan since) =>
        Messages.First(m => m.Id == Changed && m.Node == node && m.State == state && m.At > since, $"{node} is {state}");

    public ILogger CreateLogger(string categoryName) => new Logger(this);

    public void Dispose()
    {
    }

    private sealed class Logger(NodeLog log) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        // What is said at each start is no happening.
        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel) && state is IReadOnlyList<KeyValuePair<string, object?>> values && Value(values, "Node") is { } node)
            {
                log.Messages.Add(new NodeMessage(Moment.Now, eventId.Id, node, Value(values, "State"), Value(values, "Former"), formatter(state, exception)));
            }
        }

        private static string? Value(IReadOnlyList<KeyValuePair<string, object?>> values, string name) =>
            values.FirstOrDefault(v => v.Key == name).Value?.ToString();
    }
}
