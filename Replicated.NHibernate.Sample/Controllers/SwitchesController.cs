using Microsoft.AspNetCore.Mvc;
using Replicated.NHibernate.Sample.Hosting;

namespace Replicated.NHibernate.Sample.Controllers;

/// <summary>Turns settings off and on while the application runs, so that one can watch what they are for.</summary>
[AutoValidateAntiforgeryToken]
public sealed class SwitchesController(IServiceProvider services) : Controller
{
    private readonly LiveSwitches _switches = services.GetRequiredService<LiveSwitches>();

    [HttpPost("/tokens/off")]
    public RedirectResult TokensOff() => Turn(() => _switches.TurnTokens(on: false));

    [HttpPost("/tokens/on")]
    public RedirectResult TokensOn() => Turn(() => _switches.TurnTokens(on: true));

    [HttpPost("/auto-read-on-slave/off")]
    public RedirectResult AutoReadOff() => Turn(() => _switches.TurnAutoReadOnSlave(on: false));

    [HttpPost("/auto-read-on-slave/on")]
    public RedirectResult AutoReadOn() => Turn(() => _switches.TurnAutoReadOnSlave(on: true));

    private RedirectResult Turn(Action turn)
    {
        turn();
        return Redirect("/");
    }
}
