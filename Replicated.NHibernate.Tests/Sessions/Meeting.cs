namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Whoever comes waits for others on other threads, and not for ever.</summary>
internal sealed class Meeting : IDisposable
{
    private static Meeting? _current;

    private readonly HashSet<int> _threads = [];
    private readonly ManualResetEventSlim _met = new();
    private readonly int _count;
    private readonly TimeSpan _patience;

    public Meeting(int count, TimeSpan? patience = null) => (_count, _patience, _current) = (count, patience ?? TimeSpan.FromSeconds(30), this);

    public bool Met => _met.IsSet;

    public int Threads => _threads.Count;

    public static void Come() => _current?.Wait();

    public void Dispose()
    {
        _current = null;
        _met.Dispose();
    }

    private void Wait()
    {
        lock (_threads)
        {
            _threads.Add(Environment.CurrentManagedThreadId);
            if (_threads.Count >= _count)
            {
                _met.Set();
            }
        }

        _met.Wait(_patience);
    }
}

/// <summary>Made while a factory is built.</summary>
internal sealed class MeetingDialect : global::NHibernate.Dialect.PostgreSQL83Dialect
{
    public MeetingDialect() => Meeting.Come();
}

/// <summary>Cannot be configured for the factory of that name.</summary>
internal sealed class FailingDialect : global::NHibernate.Dialect.PostgreSQL83Dialect
{
    public static string? Name { get; set; }

    public override void Configure(IDictionary<string, string> settings)
    {
        if (settings.TryGetValue(global::NHibernate.Cfg.Environment.SessionFactoryName, out var name) && name == Name)
        {
            throw new InvalidOperationException("on purpose");
        }

        base.Configure(settings);
    }
}

internal sealed class CountedMap : FluentNHibernate.Mapping.ClassMap<Made>
{
    public static int Made { get; private set; }

    public CountedMap()
    {
        Made++;
        Table("note_of_schema");
        Id(x => x.Id).GeneratedBy.Assigned();
    }
}
