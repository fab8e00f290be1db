using System.Globalization;

namespace Replicated.NHibernate.Web.Status;

/// <summary>Times and words as the page shows them.</summary>
internal static class StatusText
{
    /// <summary>In the order of the table's columns. A reason that is not here has a column behind these.</summary>
    public static readonly (string Reason, string Meaning)[] Reasons =
    [
        ("verb", "The HTTP method decided: one that only reads goes to a slave, any other to the master."),
        ("attribute", "[UseMaster], [UseSlave] or their endpoint conventions decided."),
        ("block", "Code inside UseMaster() or UseSlave() decided."),
        ("switch", "AutoReadOnSlave is off, so reads go to the master."),
        ("token", "The client brought a consistency token and no slave had its write yet, so the master took the read."),
        ("fallback", "No slave could be used, so the master took the read."),
        ("stale", "A slave was asked for explicitly and did not have the client's write in time, or the master could not be reached."),
        ("before-routing", "A session was asked for before routing had found the endpoint, so the master answered."),
        ("no-slave", "No slave is configured."),
        ("scope", "Work outside an HTTP request decided."),
    ];

    public static string Seconds(double seconds) =>
        seconds < 100 ? string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s") : Duration(TimeSpan.FromSeconds(seconds));

    public static string Duration(TimeSpan time) => time switch
    {
        { TotalSeconds: < 1 } => "just now",
        { TotalMinutes: < 1 } => Of(time.Seconds, "s"),
        { TotalHours: < 1 } => $"{Of(time.Minutes, "min")} {Of(time.Seconds, "s")}",
        { TotalDays: < 1 } => $"{Of(time.Hours, "h")} {Of(time.Minutes, "min")}",
        _ => $"{Of((int)time.TotalDays, "d")} {Of(time.Hours, "h")}",
    };

    private static string Of(int number, string unit) => string.Create(CultureInfo.InvariantCulture, $"{number} {unit}");
}
