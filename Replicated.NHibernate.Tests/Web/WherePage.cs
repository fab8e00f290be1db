using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Razor.Internal;
using Microsoft.AspNetCore.Mvc.RazorPages;
using Microsoft.AspNetCore.Mvc.ViewFeatures;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>Where a page's handler ran, and where its view.</summary>
internal sealed record PagePlaces(Place Handler, Place View);

/// <summary>A Razor page as the Razor compiler would have made it.</summary>
internal abstract class BoardPage<TModel> : Page
    where TModel : PageModel
{
    [RazorInject]
    public IBoard Board { get; set; } = null!;

    public ViewDataDictionary<TModel> ViewData => (ViewDataDictionary<TModel>)PageContext.ViewData;

    public TModel Model => ViewData.Model!;
}

/// <summary>Asks the server where it runs while it is rendered.</summary>
internal sealed class WherePage<TModel> : BoardPage<TModel>
    where TModel : WhereModel
{
    public override async Task ExecuteAsync() =>
        WriteLiteral(JsonSerializer.Serialize(new PagePlaces(Model.Found!, await Board.WhereAsync()), JsonSerializerOptions.Web));
}

// The tests post without a form, so nothing could have given them a token.
[IgnoreAntiforgeryToken]
internal abstract class WhereModel(IBoard board) : PageModel
{
    public Place? Found { get; private set; }

    public async Task OnGetAsync() => Found = await board.WhereAsync();

    public async Task OnPostAsync() => Found = await board.WhereAsync();
}

internal static class WherePages
{
    /// <summary>A page for each model: <c>OnMasterModel</c> is served at <c>/OnMaster</c>.</summary>
    public static IMvcBuilder AddPagesOf(this WebApplicationBuilder builder, params Type[] models) =>
        builder.Services.AddRazorPages().With(new CompiledPart([.. models.Select(m => new CompiledItem(
            $"/Pages/{m.Name[..^"Model".Length]}.cshtml", typeof(WherePage<>).MakeGenericType(m)))]));
}
