using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http;

namespace Replicated.NHibernate;

/// <summary>What a client's reads see of its writes: the section <c>Replicated:ReadYourWrites</c>.</summary>
public sealed class ReadYourWritesOptions
{
    /// <summary>Whether and how the reads of a client that wrote see the write. Can be changed while the application runs.</summary>
    /// <value><see cref="ReadYourWritesMode.Auto"/></value>
    public ReadYourWritesMode Mode { get; set; }

    /// <summary>How long a client that wrote reads from the master where only time can tell. Can be changed while the application runs.</summary>
    /// <value>5 s</value>
    [Range(typeof(TimeSpan), "00:00:00.001", "01:00:00", ErrorMessage = "Window must be between 1 ms and 1 h.")]
    public TimeSpan Window { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How old a token may be; older ones are ignored, whatever the slaves have reached. Can be changed while the application runs.</summary>
    /// <value>60 s</value>
    [Range(typeof(TimeSpan), "00:00:00.001", "1.00:00:00", ErrorMessage = "TokenLifetime must be between 1 ms and 1 day.")]
    public TimeSpan TokenLifetime { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a read waits on a slave that is not known to have the write, before it goes to the master. Can be changed while the application runs.</summary>
    /// <value>50 ms</value>
    [Range(typeof(TimeSpan), "00:00:00", "00:00:10", ErrorMessage = "WaitTimeout must be between 0 and 10 s.")]
    public TimeSpan WaitTimeout { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// The cookies that carry tokens. Each write has one of its own, whose name is this one's with the place of the write behind it, so that requests in parallel do
    /// not overwrite each other's. Needs a restart.
    /// </summary>
    /// <value><c>replicated-token</c>, HttpOnly, SameSite=Lax, essential, Secure as the request</value>
    public CookieBuilder Cookie { get; set; } = new()
    {
        Name = "replicated-token",
        HttpOnly = true,
        SameSite = SameSiteMode.Lax,
        IsEssential = true,
        SecurePolicy = CookieSecurePolicy.SameAsRequest,
        Path = "/",
    };

    /// <summary>The header that carries the token both ways, for clients without cookies; several are separated by commas. Needs a restart.</summary>
    /// <value><c>Replicated-Token</c></value>
    public string Header { get; set; } = "Replicated-Token";
}

/// <summary>How reads see what their client wrote before.</summary>
public enum ReadYourWritesMode
{
    /// <summary>Exactly, by the position of the write, where the database has one; else by <see cref="ReadYourWritesOptions.Window"/>.</summary>
    Auto,

    /// <summary>By time: reads from the master for <see cref="ReadYourWritesOptions.Window"/> after a write.</summary>
    Window,

    /// <summary>Not at all: a read after a write may be stale.</summary>
    Off,
}

/// <summary>Whether the reads of one client never go back in time.</summary>
public enum MonotonicReadsMode
{
    /// <summary>They may: each request takes a slave of its own.</summary>
    Off,

    /// <summary>
    /// Each client has its slave, at no round trip. Not exact: when that slave goes, the client gets another, which may be behind. The client is
    /// known by its user's name, or by a cookie beside the token's, <c>replicated-token-client</c>.
    /// </summary>
    SameSlave,

    /// <summary>Exactly, by carrying the position that was read, as after a write: one more round trip for each request that reads from a slave.</summary>
    Exact,
}

/// <summary>How servers are asked in the background: the section <c>Replicated:Probe</c>.</summary>
public sealed class ProbeOptions
{
    /// <summary>How often each server is asked. Can be changed while the application runs.</summary>
    /// <value>1 s</value>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:01:00", ErrorMessage = "Interval must be between 100 ms and 1 min.")]
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a server may take to answer. Can be changed while the application runs.</summary>
    /// <value>1 s</value>
    [Range(typeof(TimeSpan), "00:00:00.1", "00:01:00", ErrorMessage = "Timeout must be between 100 ms and 1 min.")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(1);
}
