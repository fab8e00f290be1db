using System.Reflection;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.ApplicationParts;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>Actions that are decided, never run.</summary>
[ApiController, Route("decided")]
public sealed class DecidedController : ControllerBase
{
    [HttpGet("{id:guid}")]
    public IActionResult Read(Guid id) => Ok(id);

    [HttpPost]
    public IActionResult Write() => NoContent();

    [HttpPost("search"), UseSlave]
    public IActionResult Search() => NoContent();

    [HttpGet("confirm"), UseMaster]
    public IActionResult Confirm() => NoContent();
}

internal static class OwnControllers
{
    /// <summary>Not the sample's, nor those of another way to work with a database, which MVC would find too.</summary>
    public static void AddController<TController>(this IServiceCollection services)
        where TController : ControllerBase => services.AddControllers().ConfigureApplicationPartManager(parts =>
    {
        parts.ApplicationParts.Clear();
        parts.ApplicationParts.Add(new Only(typeof(TController)));
    });

    private sealed class Only(Type controller) : ApplicationPart, IApplicationPartTypeProvider
    {
        public override string Name => controller.Name;

        public IEnumerable<TypeInfo> Types => [controller.GetTypeInfo()];
    }
}
