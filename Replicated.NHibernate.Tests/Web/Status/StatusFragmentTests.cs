using System.Text.RegularExpressions;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Web.Status;

namespace Replicated.NHibernate.Tests.Web.Status;

/// <summary>The status page as text.</summary>
[Promise(15)]
internal sealed class StatusFragmentTests
{
    private static readonly DateTimeOffset At = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Test]
    public void A_state_that_the_page_has_never_heard_of_shows_by_itself_and_as_out_of_use()
    {
        var html = StatusFragment.Of(Status(Node("slave-1", "wrong-cluster", isUsed: false, why: "it has another system identifier")));
        Assert.That(html, Does.Contain("node unused is-wrong-cluster").And.Contain("it has another system identifier."));
        Assert.That(StatusSummary.Of(Status(Node("slave-1", "wrong-cluster", isUsed: false))).Text, Does.Contain("slave-1 is wrong-cluster"));
    }

    [Test]
    public void A_reason_that_the_page_has_never_heard_of_gets_a_column_behind_the_others()
    {
        var html = StatusFragment.Of(Status(Node("slave-1")) with { Sessions = [new("slave", "slave-1", "brand-new", 3), new("slave", "slave-1", "verb", 4)] });
        Assert.That(html, Does.Contain("<th scope=\"col\">verb</th><th scope=\"col\">brand-new</th><th scope=\"col\">all</th>").And.Contain("<td>4</td><td>3</td><td>7</td>"));
    }

    [Test]
    public void Every_reason_of_the_library_is_explained() =>
        Assert.That(StatusText.Reasons.Select(r => r.Reason), Is.SupersetOf(Enum.GetValues<RouteReason>().Select(Replicated.NHibernate.RouteReasonNames.Name)));

    [Test]
    public void What_is_no_plain_text_is_encoded() =>
        Assert.That(StatusFragment.Of(Status(Node("slave-1", why: "<script>alert(1)</script>"))), Does.Contain("&lt;script&gt;").And.Not.Contain("<script"));

    [Test]
    public void The_line_of_the_lag_has_a_gap_with_a_band_where_nobody_knew_it()
    {
        var html = StatusFragment.Of(Status(Node("slave-1") with { LagHistory = [0, 0.5, null, null, 1] }));
        Assert.That(Regex.Match(html, "class=\"lag\" d=\"([^\"]+)\"").Groups[1].Value, Is.EqualTo("M0 0M295 39L296 20M299 1"));
        Assert.That(Regex.Match(html, "<rect class=\"unknown\" x=\"(\\d+)\" y=\"0\" width=\"(\\d+)\"").Groups.Values.Skip(1).Select(g => g.Value), Is.EqualTo(new[] { "297", "2" }));
    }

    [Test]
    public void The_summary_says_what_the_worst_is()
    {
        var (up, down) = (Node("slave-1"), Node("slave-1", "down", isUsed: false));
        Assert.That(StatusSummary.Of(Status(up)), Is.EqualTo(("good", "Every server can be used.")));
        Assert.That(StatusSummary.Of(Status(up, down with { Name = "slave-2" })).Level, Is.EqualTo("warn"));
        Assert.That(StatusSummary.Of(Status(down)).Text, Does.StartWith("No slave can be used: slave-1 is down. The master takes their reads, at most 50"));
        Assert.That(StatusSummary.Of(Status(up) with { Nodes = [Node("master", "down", isUsed: false) with { Role = "master" }, up] }).Text, Does.Contain("Writes fail"));
        Assert.That(StatusSummary.Of(Status()).Text, Does.StartWith("No slave (read replica) is configured"));
    }

    [TestCase("Host=db1.example.org;Port=5433;Password=secret", "db1.example.org:5433")]
    [TestCase("Server=10.0.0.7;User Id=app;Password=secret", "10.0.0.7")]
    [TestCase("Host=app:secret@db1;Password=secret", null)]
    [TestCase("Data Source=/var/lib/app.db;Password=secret", null)]
    public void An_address_is_host_and_port_and_nothing_else(string connectionString, string? address) =>
        Assert.That(NodeAddress.Of(connectionString), Is.EqualTo(address));

    private static NodeStatus Node(string name, string state = "up", bool isUsed = true, string why = "it answers") =>
        new(name, "127.0.0.1:5432", "slave", 1, state, isUsed, why, At.AddMinutes(-1), 0, 0.5, 0, 0, [0]);

    private static ReplicatedStatus Status(params NodeStatus[] slaves) => new(
        At,
        new InstanceStatus("host", 1, At),
        new SettingsStatus(AutoReadOnSlave: true, "Auto", 30, 1, "Random", PositionsAreKnown: true),
        [Node("master") with { Role = "master" }, .. slaves],
        [],
        new FallbackStatus(0, 50, []),
        [],
        []);
}
