using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Settings;

/// <summary>Each mistake is one error at start-up, which names the thing and the remedy.</summary>
[Promise(5)]
internal sealed class ConfigurationErrorTests
{
    private const string Slave = "Replicated:Slaves:0";
    private const string ReadYourWrites = "Replicated:ReadYourWrites";
    private const string Target = "Host=127.0.0.1;Port=2";

    private static IEnumerable<TestCaseData> Mistakes()
    {
        yield return Mistake("A_slave_without_a_name", [($"{Slave}:ConnectionString", Target)], "Replicated:Slaves:0:Name is missing");
        yield return Mistake("A_slave_with_a_name_that_no_header_can_carry", Named("slave 2"), "'slave 2'", "letters, digits");
        yield return Mistake("A_slave_with_the_masters_name", Named("Master"), "Replicated:Slaves:0:Name is 'Master'", "the master's name", "Choose another");
        yield return Mistake("A_slave_with_the_name_of_ConnectionStrings_Slave", [("ConnectionStrings:Slave", Target), .. Named("SLAVE-1")], "'SLAVE-1'", "ConnectionStrings:Slave", "Choose another");
        yield return Mistake("Two_slaves_of_one_name", [.. Named("b"), ("Replicated:Slaves:1:Name", "B"), ("Replicated:Slaves:1:ConnectionString", Target)], "Replicated:Slaves:1:Name is 'B'", "another slave has");
        yield return Mistake("A_slave_without_a_connection_string", [($"{Slave}:Name", "b")], Slave, "either ConnectionString or ConnectionStringName");
        yield return Mistake("A_slave_with_both_connection_strings", [.. Named("b"), ($"{Slave}:ConnectionStringName", "Master")], Slave, "either ConnectionString or ConnectionStringName");
        yield return Mistake("A_slave_with_an_unknown_ConnectionStringName", [($"{Slave}:Name", "b"), ($"{Slave}:ConnectionStringName", "Nowhere")], "'Nowhere'", "ConnectionStrings has no entry of that name");
        yield return Mistake("A_misspelt_option", [("Replicated:AutoReadOnSlaves", "false")], "Replicated:AutoReadOnSlaves is not an option", "AutoReadOnSlave,");
        yield return Mistake("A_misspelt_option_of_a_slave", [.. Named("b"), ($"{Slave}:Wieght", "2")], "Replicated:Slaves:0:Wieght is not an option", "Weight");
        yield return Mistake("An_unknown_policy", [("Replicated:LoadBalancing", "LeastConnections")], "'LeastConnections'", "PowerOfTwoChoices, RoundRobin, Random");
        yield return Mistake("A_policy_in_the_wrong_case", [("Replicated:LoadBalancing", "roundrobin")], "'roundrobin'", "RoundRobin");
        yield return Mistake("A_switch_that_is_neither_true_nor_false", [("Replicated:AutoReadOnSlave", "off")], "Replicated:AutoReadOnSlave is 'off'", "true or false");
        yield return Mistake("A_number_that_is_none", [("Replicated:MasterReadWeight", "half")], "Replicated:MasterReadWeight is 'half'", "whole number");
        yield return Mistake("A_weight_that_is_no_number", [.. Named("b"), ($"{Slave}:Weight", "1.5")], "Replicated:Slaves:0:Weight is '1.5'", "whole number");
        yield return Mistake("A_number_that_is_too_large_for_any_range", [("Replicated:MaxFallbackSessions", "99999999999")], "Replicated:MaxFallbackSessions is '99999999999'", "whole number");
        yield return Mistake("A_share_of_the_reads_below_its_range", [("Replicated:MasterReadWeight", "-1")], "MasterReadWeight", "between 0 and 100");
        yield return Mistake("A_share_of_the_reads_above_its_range", [("Replicated:MasterReadWeight", "101")], "MasterReadWeight", "between 0 and 100");
        yield return Mistake("A_cap_above_its_range", [("Replicated:MaxFallbackSessions", "10001")], "MaxFallbackSessions", "between 0 and 10000");
        yield return Mistake("A_weight_of_nothing", [.. Named("b"), ($"{Slave}:Weight", "0")], "Replicated:Slaves:0", "Weight", "between 1 and 100");
        yield return Mistake("A_weight_above_its_range", [.. Named("b"), ($"{Slave}:Weight", "101")], "Replicated:Slaves:0", "Weight", "between 1 and 100");
        yield return Mistake("A_method_that_is_no_token", [("Replicated:ReadOnlyMethods:0", "GE T")], "'GE T'", "not an HTTP method");
        yield return Mistake("A_method_that_is_empty", [("Replicated:ReadOnlyMethods:0", "")], "Replicated:ReadOnlyMethods has ''", "not an HTTP method");
        yield return Mistake("A_method_in_the_wrong_case", [("Replicated:ReadOnlyMethods:0", "Get")], "'Get'", "write 'GET'");
        yield return Mistake("A_method_that_is_not_safe", [("Replicated:ReadOnlyMethods:0", "POST")], "'POST'", "[UseSlave]");
        yield return Mistake("A_list_written_as_one_value", [("Replicated:ReadOnlyMethods", "GET,QUERY")], "Replicated:ReadOnlyMethods", "list", "Replicated:ReadOnlyMethods:0");
        yield return Mistake("Slaves_written_as_one_value", [("Replicated:Slaves", "somewhere")], "Replicated:Slaves", "list", "Replicated:Slaves:0");
        yield return Mistake("A_slave_written_as_one_value", [(Slave, "somewhere")], "Replicated:Slaves:0", "Name", "ConnectionString");
        yield return Mistake("A_section_where_a_value_belongs", [("Replicated:AutoReadOnSlave:Development", "false")], "Replicated:AutoReadOnSlave", "true or false");
        yield return Mistake("A_value_where_the_section_belongs", [("Replicated", "on")], "Replicated is 'on'", "section", "AutoReadOnSlave");
        yield return Mistake("A_slave_whose_connection_string_is_none", [("ConnectionStrings:Slave", "db2.example")], "slave-1", "key=value");
        yield return Mistake("A_slave_whose_connection_string_has_an_unknown_keyword", [("ConnectionStrings:Slave", "Hots=127.0.0.1")], "slave-1", "NpgsqlConnection");
    }

    /// <summary>In the sections inside the section.</summary>
    private static IEnumerable<TestCaseData> NestedMistakes()
    {
        yield return Mistake("A_misspelt_option_of_tokens", [($"{ReadYourWrites}:Windows", "00:00:01")], $"{ReadYourWrites}:Windows is not an option", "Mode, Window, TokenLifetime, WaitTimeout, Cookie, Header");
        yield return Mistake("A_misspelt_option_of_the_cookie", [($"{ReadYourWrites}:Cookie:Secure", "Always")], $"{ReadYourWrites}:Cookie:Secure is not an option", "SecurePolicy");
        yield return Mistake("A_misspelt_option_of_the_probes", [("Replicated:Probe:Every", "00:00:01")], "Replicated:Probe:Every is not an option", "Interval, Timeout");
        yield return Mistake("An_unknown_mode_of_monotonic_reads", [("Replicated:MonotonicReads", "true")], "Replicated:MonotonicReads is 'true'", "one of Off, SameSlave, Exact");
        yield return Mistake("An_unknown_mode", [($"{ReadYourWrites}:Mode", "Exact")], $"{ReadYourWrites}:Mode is 'Exact'", "one of Auto, Window, Off");
        yield return Mistake("A_mode_by_number", [($"{ReadYourWrites}:Mode", "2")], $"{ReadYourWrites}:Mode is '2'", "one of Auto, Window, Off");
        yield return Mistake("Two_modes", [($"{ReadYourWrites}:Mode", "Window, Off")], $"{ReadYourWrites}:Mode is 'Window, Off'", "one of Auto, Window, Off");
        yield return Mistake("A_time_that_is_none", [($"{ReadYourWrites}:WaitTimeout", "50ms")], $"{ReadYourWrites}:WaitTimeout is '50ms'", "a time such as", "00:00:00.050");
        yield return Mistake("A_time_of_which_nobody_knows_the_unit", [($"{ReadYourWrites}:TokenLifetime", "1")], $"{ReadYourWrites}:TokenLifetime is '1'", "a time such as 00:00:05");
        yield return Mistake("A_time_beyond_the_clock", [("Replicated:Probe:Interval", "00:00:61")], "Replicated:Probe:Interval is", "a time such as 00:00:05");
        yield return Mistake("A_window_of_nothing", [($"{ReadYourWrites}:Window", "00:00:00")], $"{ReadYourWrites}: Window must be between 1 ms and 1 h");
        yield return Mistake("A_window_above_its_range", [($"{ReadYourWrites}:Window", "01:00:00.001"), ($"{ReadYourWrites}:TokenLifetime", "02:00:00")], $"{ReadYourWrites}: Window must be between 1 ms and 1 h");
        yield return Mistake("A_window_longer_than_a_token_lives", [($"{ReadYourWrites}:Window", "00:01:01")], $"{ReadYourWrites}: Window must not be longer than TokenLifetime", "raise TokenLifetime");
        yield return Mistake("A_token_that_lives_no_time", [($"{ReadYourWrites}:TokenLifetime", "00:00:00")], $"{ReadYourWrites}: TokenLifetime must be between 1 ms and 1 day");
        yield return Mistake("A_token_that_lives_too_long", [($"{ReadYourWrites}:TokenLifetime", "1.00:00:01")], $"{ReadYourWrites}: TokenLifetime must be between 1 ms and 1 day");
        yield return Mistake("A_wait_below_its_range", [($"{ReadYourWrites}:WaitTimeout", "-00:00:00.001")], $"{ReadYourWrites}: WaitTimeout must be between 0 and 10 s");
        yield return Mistake("A_wait_above_its_range", [($"{ReadYourWrites}:WaitTimeout", "00:00:10.001")], $"{ReadYourWrites}: WaitTimeout must be between 0 and 10 s");
        yield return Mistake("A_probe_too_often", [("Replicated:Probe:Interval", "00:00:00.099")], "Replicated:Probe: Interval must be between 100 ms and 1 min");
        yield return Mistake("A_probe_too_seldom", [("Replicated:Probe:Interval", "00:01:00.001")], "Replicated:Probe: Interval must be between 100 ms and 1 min");
        yield return Mistake("A_probe_with_too_little_time", [("Replicated:Probe:Timeout", "00:00:00")], "Replicated:Probe: Timeout must be between 100 ms and 1 min");
        yield return Mistake("A_header_that_is_no_token", [($"{ReadYourWrites}:Header", "Replicated Token")], $"{ReadYourWrites}:Header is 'Replicated Token'", "name of a header");
        yield return Mistake("A_header_without_a_name", [($"{ReadYourWrites}:Header", "")], $"{ReadYourWrites}:Header is ''", "name of a header");
        yield return Mistake("A_cookie_that_is_no_token", [($"{ReadYourWrites}:Cookie:Name", "my token")], $"{ReadYourWrites}:Cookie:Name is 'my token'", "name of a cookie");
        yield return Mistake("A_cookie_without_a_name", [($"{ReadYourWrites}:Cookie:Name", "")], $"{ReadYourWrites}:Cookie:Name is ''", "name of a cookie");
        yield return Mistake("A_cookie_with_an_age_of_its_own", [($"{ReadYourWrites}:Cookie:MaxAge", "00:10:00")], $"{ReadYourWrites}:Cookie", $"{ReadYourWrites}:TokenLifetime says");
        yield return Mistake("A_cookie_that_expires_by_itself", [($"{ReadYourWrites}:Cookie:Expiration", "00:10:00")], $"{ReadYourWrites}:Cookie", $"{ReadYourWrites}:TokenLifetime says");
        yield return Mistake("An_unknown_policy_of_the_cookie", [($"{ReadYourWrites}:Cookie:SecurePolicy", "true")], $"{ReadYourWrites}:Cookie:SecurePolicy is 'true'", "one of SameAsRequest, Always, None");
        yield return Mistake("A_switch_of_the_cookie_that_is_none", [($"{ReadYourWrites}:Cookie:HttpOnly", "1")], $"{ReadYourWrites}:Cookie:HttpOnly is '1'", "true or false");
        yield return Mistake("A_list_of_the_cookie_written_as_one_value", [($"{ReadYourWrites}:Cookie:Extensions", "Partitioned")], $"{ReadYourWrites}:Cookie:Extensions", "list", $"{ReadYourWrites}:Cookie:Extensions:0");
        yield return Mistake("A_value_where_the_tokens_section_belongs", [(ReadYourWrites, "Off")], $"{ReadYourWrites} is 'Off'", "section", "Mode");
        yield return Mistake("A_value_where_the_cookies_section_belongs", [($"{ReadYourWrites}:Cookie", "mine")], $"{ReadYourWrites}:Cookie is 'mine'", "section", "Name");
        yield return Mistake("A_value_where_the_probes_section_belongs", [("Replicated:Probe", "1")], "Replicated:Probe is '1'", "section", "Interval");
        yield return Mistake("A_section_where_a_time_belongs", [($"{ReadYourWrites}:Window:Seconds", "5")], $"{ReadYourWrites}:Window is a section", "a time such as");
    }

    [TestCaseSource(nameof(Mistakes))]
    [TestCaseSource(nameof(NestedMistakes))]
    public async Task Is_one_error((string, string?)[] settings, string[] said)
    {
        var errors = await StartUp.ErrorsBeside(settings);
        Assert.That(errors, Has.Length.EqualTo(1), string.Join('\n', errors));
        Assert.Multiple(() =>
        {
            foreach (var part in said)
            {
                Assert.That(errors[0], Does.Contain(part));
            }
        });
    }

    [Test]
    public async Task A_missing_master_is_one_error()
    {
        var errors = await StartUp.Errors([]);
        Assert.That(errors, Is.EqualTo(new[] { "There is no master: set ConnectionStrings:Master." }));
    }

    [Test]
    public async Task A_master_whose_connection_string_is_none_is_one_error()
    {
        var errors = await StartUp.Errors(new() { ["ConnectionStrings:Master"] = "db1.example" });
        Assert.That(errors, Is.EqualTo(new[] { "ConnectionStrings:Master is not of the form key=value;key=value." }));
    }

    [Test]
    public async Task A_master_alone_is_enough() => Assert.That(await StartUp.ErrorsBeside(), Is.Empty);

    [Test]
    public async Task Everything_at_its_limits_is_right() => Assert.That(
        await StartUp.ErrorsBeside(
            ("ConnectionStrings:Slave", Target), ("ConnectionStrings:Reports", Target),
            ("Replicated:AutoReadOnSlave", "False"), ("Replicated:TransactionPerRequest", "true"), ("Replicated:RouteHeader", "true"), ("Replicated:ReadOnlySwitch", "false"),
            ("Replicated:MasterReadWeight", "100"), ("Replicated:MaxFallbackSessions", "10000"), ("Replicated:LoadBalancing", "Random"),
            ("Replicated:ReadOnlyMethods:0", "GET"), ("Replicated:ReadOnlyMethods:1", "QUERY"), ("Replicated:ReadOnlyMethods:2", "X-LOOK"),
            ($"{Slave}:Name", "slave_2.b"), ($"{Slave}:ConnectionString", Target), ($"{Slave}:Weight", "100"),
            ("Replicated:Slaves:1:Name", "reports"), ("Replicated:Slaves:1:ConnectionStringName", "Reports"), ("Replicated:Slaves:1:Weight", "1"),
            ($"{ReadYourWrites}:Mode", "window"), ($"{ReadYourWrites}:Window", "01:00:00"), ($"{ReadYourWrites}:TokenLifetime", "1.00:00:00"), ($"{ReadYourWrites}:WaitTimeout", "00:00:10"),
            ($"{ReadYourWrites}:Header", "X-ConsistencyToken"), ($"{ReadYourWrites}:Cookie:Name", "__Host-token"), ($"{ReadYourWrites}:Cookie:SecurePolicy", "Always"),
            ($"{ReadYourWrites}:Cookie:SameSite", "strict"), ($"{ReadYourWrites}:Cookie:HttpOnly", "false"), ($"{ReadYourWrites}:Cookie:Extensions:0", "Partitioned"),
            ("Replicated:Probe:Interval", "00:01:00"), ("Replicated:Probe:Timeout", "00:00:00.1")),
        Is.Empty);

    [Test]
    public async Task Everything_at_its_lower_limits_is_right() => Assert.That(
        await StartUp.ErrorsBeside(
            ("Replicated:MasterReadWeight", "0"), ("Replicated:MaxFallbackSessions", "0"), ($"{ReadYourWrites}:Window", "00:00:00.001"), ($"{ReadYourWrites}:TokenLifetime", "00:00:00.001"),
            ($"{ReadYourWrites}:WaitTimeout", "00:00"), ("Replicated:Probe:Interval", "00:00:00.100")),
        Is.Empty);

    private static (string, string?)[] Named(string name) => [($"{Slave}:Name", name), ($"{Slave}:ConnectionString", Target)];

    private static TestCaseData Mistake(string name, (string, string?)[] settings, params string[] said) =>
        new TestCaseData(settings, said).SetName(name + "_is_one_error");
}
