using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Rendering;
using Microsoft.AspNetCore.Mvc.ViewEngines;
using Microsoft.AspNetCore.Mvc.ViewFeatures;

namespace Replicated.NHibernate.Sample.Hosting;

/// <summary>Renders a partial view into a text, for answers that are not pages.</summary>
internal sealed class PartialViews(ICompositeViewEngine views)
{
    public async Task<string> RenderAsync(Controller controller, string path, object model)
    {
        var view = views.GetView(executingFilePath: null, path, isMainPage: false).EnsureSuccessful(originalLocations: null).View!;
        await using var text = new StringWriter();
        var data = new ViewDataDictionary(controller.ViewData) { Model = model };
        await view.RenderAsync(new ViewContext(controller.ControllerContext, view, data, controller.TempData, text, new HtmlHelperOptions()));
        return text.ToString();
    }
}
