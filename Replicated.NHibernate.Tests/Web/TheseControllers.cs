using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Mvc.ApplicationParts;
using Microsoft.AspNetCore.Mvc.Controllers;
using Microsoft.AspNetCore.Mvc.Razor.Compilation;
using Microsoft.AspNetCore.Razor.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>An application that has exactly the controllers, or the compiled Razor pages and views, that a test names.</summary>
internal static class TheseControllers
{
    public static void AddTheseControllers(this WebApplicationBuilder builder, params Type[] controllers) =>
        builder.Services.AddControllersWithViews().With(new TypesPart(controllers));

    public static IMvcBuilder With(this IMvcBuilder mvc, params ApplicationPart[] parts) => mvc.ConfigureApplicationPartManager(manager =>
    {
        manager.ApplicationParts.Clear();
        foreach (var part in parts)
        {
            manager.ApplicationParts.Add(part);
        }

        manager.FeatureProviders.Add(new EveryTypeIsAController());
    });

    // Nested and internal ones too, so that they can stand in the fixture that they belong to.
    private sealed class EveryTypeIsAController : ControllerFeatureProvider
    {
        protected override bool IsController(TypeInfo typeInfo) => true;
    }
}

internal sealed class TypesPart(Type[] types) : ApplicationPart, IApplicationPartTypeProvider
{
    public override string Name => "These controllers";

    public IEnumerable<TypeInfo> Types { get; } = [.. types.Select(t => t.GetTypeInfo())];
}

/// <summary>Pages and views written as the Razor compiler writes them: a class for each, with its path.</summary>
internal sealed class CompiledPart(params CompiledItem[] items) : ApplicationPart, IRazorCompiledItemProvider
{
    public override string Name => "These pages";

    public IEnumerable<RazorCompiledItem> CompiledItems => items;
}

internal sealed class CompiledItem(string path, Type type) : RazorCompiledItem
{
    public override string Identifier => path;

    public override string Kind => path.StartsWith("/Pages", StringComparison.Ordinal) ? "mvc.1.0.razor-page" : "mvc.1.0.view";

    public override IReadOnlyList<object> Metadata => [];

    public override Type Type => type;
}
