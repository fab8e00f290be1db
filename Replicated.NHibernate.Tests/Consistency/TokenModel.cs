using Replicated.NHibernate.Consistency;
using Replicated.NHibernate.Nodes;

namespace Replicated.NHibernate.Tests.Consistency;

internal enum ModelOf
{
    /// <summary>The rules of the library.</summary>
    CookieForEachWrite,

    /// <summary>One cookie for all writes, which reads delete once every slave has passed it.</summary>
    SingleCookie,
}

/// <summary>
/// One client with several requests in flight, whose responses arrive in any order, while slaves follow. The client must bring, with each later request, what
/// holds its reads back from a slave that lacks one of the writes that it has heard of.
/// </summary>
internal sealed class TokenModel(TokenApp app, ModelOf kind, int inFlight, bool withoutPlaces, int seed)
{
    private const string Prefix = "t";
    private readonly Random _random = new(seed);
    private readonly Dictionary<string, ConsistencyToken> _jar = new(StringComparer.Ordinal);
    private readonly List<Request> _sent = [];
    private readonly List<Request> _answered = [];
    private int _sending;
    private int _answering;
    private ulong _end = 1;
    private ulong _heard;
    private DateTimeOffset? _heardAt;

    public int Lost { get; private set; }

    public int MostCookies { get; private set; }

    public int MostDeletions { get; private set; }

    public long Writes { get; private set; }

    public TokenModel Run(int steps)
    {
        Array.ForEach(app.Pool.Slaves, s => s.Reading = new NodeReading(new Position(1, 0), app.Clock.GetUtcNow()));
        for (var i = 0; i < steps; i++)
        {
            if (i % 500 == 0)
            {
                // Bursts: at times the client sends more than it hears, at times the server is slow.
                (_sending, _answering) = (2 + _random.Next(8), 2 + _random.Next(4));
            }

            Step();
        }

        return this;
    }

    private void Step()
    {
        var choice = _random.Next(16);
        if (choice < _sending && _sent.Count + _answered.Count < inFlight)
        {
            _sent.Add(new Request([.. _jar.Select(c => new TokenCookie(c.Key, c.Value))]));
        }
        else if (choice < _sending + _answering && _sent.Count > 0)
        {
            var request = TakeOne(_sent);
            Answer(request);
            _answered.Add(request);
        }
        else if (choice < 15 && _answered.Count > 0)
        {
            Arrive(TakeOne(_answered));
        }
        else
        {
            Follow();
        }
    }

    private void Answer(Request request)
    {
        app.Clock.Advance(TimeSpan.FromMilliseconds(1));
        if (_random.Next(3) > 0)
        {
            Writes++;
            // Two commits can have one place.
            _end += (ulong)_random.Next(4);
            var hasPlace = !withoutPlaces || _random.Next(4) > 0;
            request.Wrote = app.Rules.Written(hasPlace ? new Position(1, _end) : null);
            request.Set = request.Wrote;
        }
        else if (_random.Next(2) == 0)
        {
            // A read that must not go back, where that is asked for: on a slave that has what was brought, or else on the master.
            var brought = request.Brought.Max(c => c.Token!.Value.Position?.Offset) ?? 0;
            var slave = app.Pool.Slaves[_random.Next(app.Pool.Slaves.Length)].Reading!.Position;
            var read = new ConsistencyToken(app.Clock.GetUtcNow(), slave.Offset >= brought ? slave : new Position(1, _end));
            request.Set = kind == ModelOf.SingleCookie || app.Rules.IsPassed(read) ? null : read;
        }

        var own = app.Rules.With(default(TokenSet), request.Set);
        request.Deleted = kind == ModelOf.CookieForEachWrite ? TokenCookie.Deleted(request.Brought, own, Prefix, app.Rules, _random)
            : own.IsEmpty ? [.. request.Brought.Where(c => app.Rules.IsPassed(c.Token!.Value)).Select(c => c.Name)]
            : [];
        MostDeletions = Math.Max(MostDeletions, request.Deleted.Count);
    }

    private void Arrive(Request request)
    {
        if (request.Set is { } set)
        {
            _jar[kind == ModelOf.SingleCookie ? Prefix : TokenCookie.NameOf(Prefix, set)] = set;
        }

        request.Deleted.ForEach(name => _jar.Remove(name));
        MostCookies = Math.Max(MostCookies, _jar.Count);
        if (request.Wrote is { } heard)
        {
            (_heard, _heardAt) = heard.Position is { } place ? (Math.Max(_heard, place.Offset), _heardAt) : (_heard, Later(_heardAt, heard.WrittenAt));
        }

        var goal = app.Rules.GoalOf(_jar.Values.Aggregate(default(TokenSet), (all, token) => app.Rules.With(all, token)));
        var mustAskMaster = _heardAt is { } at && app.Clock.GetUtcNow() - at < TimeSpan.FromSeconds(5);
        if (goal.OnlyMaster)
        {
            return;
        }

        var allHaveIt = Array.TrueForAll(app.Pool.Slaves, s => s.Reading!.Position.Offset >= _heard);
        Lost += mustAskMaster || (!allHaveIt && !(goal.Position?.Offset >= _heard)) ? 1 : 0;
    }

    private void Follow()
    {
        var slave = app.Pool.Slaves[_random.Next(app.Pool.Slaves.Length)];
        var place = slave.Reading!.Position.Offset;
        slave.Reading = new NodeReading(new Position(1, place + (ulong)_random.NextInt64((long)(_end - place) + 1)), app.Clock.GetUtcNow());
        if (withoutPlaces && _random.Next(50) == 0)
        {
            app.Clock.Advance(TimeSpan.FromSeconds(5));
        }
    }

    private Request TakeOne(List<Request> from)
    {
        var index = _random.Next(from.Count);
        var request = from[index];
        from.RemoveAt(index);
        return request;
    }

    private static DateTimeOffset Later(DateTimeOffset? one, DateTimeOffset other) => one > other ? one.Value : other;

    private sealed class Request(List<TokenCookie> brought)
    {
        public List<TokenCookie> Brought { get; } = brought;

        public ConsistencyToken? Set { get; set; }

        public ConsistencyToken? Wrote { get; set; }

        public List<string> Deleted { get; set; } = [];
    }
}
