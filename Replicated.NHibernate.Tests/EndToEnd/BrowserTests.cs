using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Support;

namespace Replicated.NHibernate.Tests.EndToEnd;

/// <summary>The board as a person uses it, in the system's Chromium.</summary>
internal sealed class BrowserTests
{
    private SampleProcess _sample = null!;
    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _playwright = await Playwright.CreateAsync();
        _browser = await Chromium.LaunchAsync(_playwright);
        _sample = await SampleProcess.StartAsync();
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _playwright?.Dispose();
        if (_sample is not null)
        {
            await _sample.DisposeAsync();
        }
    }

    [Test, Promise(1)]
    public async Task The_page_says_which_slave_served_it()
    {
        var page = await Open();
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync(new Regex("read on slave-[12]: role slave \\(read replica\\)"));
    }

    [Test]
    public async Task What_a_person_posts_is_on_the_page_of_the_master_at_once_and_on_the_slaves_soon()
    {
        var page = await Open();
        await page.GetByLabel("Title").FillAsync("From a browser");
        await page.GetByLabel("Text").FillAsync("with <b>markup</b> & more");
        await page.GetByRole(AriaRole.Button, new() { Name = "Post it" }).ClickAsync();
        await page.GotoAsync("/moderation");
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "From a browser" })).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByText("with <b>markup</b> & more")).ToBeVisibleAsync();
    }

    [Test]
    public async Task A_paused_slave_shows_as_paused_and_goes_on_when_it_is_told_to()
    {
        var page = await Open();
        await page.GetByRole(AriaRole.Button, new() { Name = "Pause the replay of slave-2" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Resume the replay of slave-2" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Button, new() { Name = "Pause the replay of slave-2" })).ToBeVisibleAsync();
    }

    [Test, Promise(10)]
    public async Task With_both_slaves_paused_a_person_sees_the_new_post_as_long_as_tokens_are_on()
    {
        var page = await Open();
        await Press(page, "Pause the replay of slave-1");
        await Press(page, "Pause the replay of slave-2");
        await page.GetByLabel("Title").FillAsync("Seen by its writer");
        await Press(page, "Post it");
        var post = page.GetByRole(AriaRole.Heading, new() { Name = "Seen by its writer" });
        await Assertions.Expect(post).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("read on master: role slave (read replica), because no slave has what you wrote yet");

        await Press(page, "Turn tokens off");
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync(new Regex("read on slave-[12]"));
        await Assertions.Expect(post).ToHaveCountAsync(0);

        await Press(page, "Turn tokens on");
        await Assertions.Expect(post).ToBeVisibleAsync();
        await Press(page, "Resume the replay of slave-1");
        await Press(page, "Resume the replay of slave-2");
        await Assertions.Expect(post).ToBeVisibleAsync();
    }

    [Test]
    public async Task A_killed_slave_can_be_revived_and_the_open_status_page_shows_both_without_a_reload()
    {
        var page = await Open();
        var status = await page.Context.NewPageAsync();
        var complaints = new List<string>();
        status.Console += (_, message) => complaints.Add(message.Text);
        await status.GotoAsync("/replicated");
        await Assertions.Expect(status.GetByText("Live: this page keeps itself up to date.")).ToBeVisibleAsync();
        await Assertions.Expect(status.GetByRole(AriaRole.Status)).ToHaveTextAsync("Every server can be used.");

        await Press(page, "Kill slave-2");
        await Assertions.Expect(page.GetByRole(AriaRole.Button, new() { Name = "Revive slave-2" })).ToBeVisibleAsync();
        await Assertions.Expect(status.GetByRole(AriaRole.Status)).ToContainTextAsync("slave-2 is down");
        await Press(page, "Revive slave-2");
        await Assertions.Expect(page.GetByRole(AriaRole.Button, new() { Name = "Kill slave-2" })).ToBeVisibleAsync();
        await Assertions.Expect(status.GetByRole(AriaRole.Status)).ToHaveTextAsync("Every server can be used.");
        Assert.That(complaints, Is.Empty, "The page's own content security policy must let it work.");
    }

    [Test, Promise(4)]
    public async Task The_switch_of_the_page_sends_reads_to_the_master_and_back()
    {
        var page = await Open();
        await Press(page, "Turn AutoReadOnSlave off");
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("read on master: role master, because AutoReadOnSlave is off");
        await Press(page, "Turn AutoReadOnSlave on");
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync(new Regex("read on slave-[12]"));
    }

    [Test]
    public async Task Board_of_another_reader_changes_without_a_reload()
    {
        var (actor, watcher) = (await Open(), await Open());
        await Press(actor, "Pause the replay of slave-2");
        await Assertions.Expect(watcher.GetByRole(AriaRole.Button, new() { Name = "Resume the replay of slave-2" })).ToBeVisibleAsync();
        // What came by itself is used like what was there from the beginning.
        await Press(watcher, "Resume the replay of slave-2");
        await Assertions.Expect(actor.GetByRole(AriaRole.Button, new() { Name = "Pause the replay of slave-2" })).ToBeVisibleAsync();
    }

    [Test]
    public async Task Board_is_read_and_written_without_scripts()
    {
        var page = await Open(scripts: false);
        await page.GetByLabel("Title").FillAsync("Without a script");
        await Press(page, "Post it");
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Without a script" })).ToBeVisibleAsync();
    }

    [Test]
    public async Task Keyboard_reaches_everything_in_the_order_of_reading()
    {
        var page = await Open();
        List<string> names = [];
        do
        {
            await page.Keyboard.PressAsync("Tab");
            names.Add(await page.EvaluateAsync<string>("() => { const e = document.activeElement; return e.ariaLabel ?? e.labels?.[0]?.textContent ?? e.textContent.trim(); }"));
        }
        while (names[^1] != "Post it" && names.Count < 50);
        Assert.That(names, Is.EqualTo(new[]
        {
            "Board", "Moderation", "Live status", "Servers as JSON",
            "Pause the replay of slave-1", "Kill slave-1", "Pause the replay of slave-2", "Kill slave-2", "Live status: states, lag, sessions and reasons",
            "Make load for 15 s", "Turn tokens off", "Turn AutoReadOnSlave off", "Title", "Text", "Post it",
        }));
    }

    private static Task Press(IPage page, string button) => page.GetByRole(AriaRole.Button, new() { Name = button }).ClickAsync();

    private async Task<IPage> Open(bool scripts = true)
    {
        var context = await _browser.NewContextAsync(new() { BaseURL = _sample.Client.BaseAddress!.ToString(), JavaScriptEnabled = scripts });
        var page = await context.NewPageAsync();
        await page.GotoAsync("/");
        return page;
    }
}
