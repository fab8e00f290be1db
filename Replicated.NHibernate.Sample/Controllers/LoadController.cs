using Microsoft.AspNetCore.Mvc;
using Replicated.NHibernate.Sample.Hosting;

namespace Replicated.NHibernate.Sample.Controllers;

/// <summary>Makes load for a while, so that the live status has something to show.</summary>
[AutoValidateAntiforgeryToken]
public sealed class LoadController(IServiceProvider services) : Controller
{
    [HttpPost("/load")]
    public RedirectResult Start()
    {
        services.GetRequiredService<LoadMaker>().Start();
        return Redirect("/");
    }
}
