using Microsoft.AspNetCore.Mvc;
using Replicated.NHibernate.Sample.Hosting;

namespace Replicated.NHibernate.Sample.Controllers;

/// <summary>Turns marks off and on while the application runs, so that one can watch what they are for.</summary>
[Route("marks")]
[AutoValidateAntiforgeryToken]
public sealed class MarksController(IServiceProvider services) : Controller
{
    [HttpPost("off")]
    public IActionResult Off() => Turn(on: false);

    [HttpPost("on")]
    public IActionResult On() => Turn(on: true);

    private RedirectResult Turn(bool on)
    {
        services.GetRequiredService<MarksSwitch>().Turn(on);
        return Redirect("/");
    }
}
