using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Mvc.ApplicationModels;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>Razor pages: their handler and their view work where the model's attribute says.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
internal sealed class RazorPageTests(UnitOfWork unit)
{
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync(
        unit,
        app => app.MapRazorPages(),
        build: builder =>
        {
            builder.AddPagesOf(typeof(PlainModel), typeof(OnMasterModel), typeof(OnSlaveModel), typeof(HeirModel), typeof(ByConventionModel));
            builder.Services.Configure<Microsoft.AspNetCore.Mvc.RazorPages.RazorPagesOptions>(o =>
                o.Conventions.AddPageApplicationModelConvention("/ByConvention", model => model.EndpointMetadata.Add(new UseMasterAttribute())));
        });

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TestCase("GET", "Plain", true)]
    [TestCase("POST", "Plain", false)]
    [TestCase("GET", "OnMaster", false)]
    [TestCase("POST", "OnSlave", true)]
    [TestCase("GET", "Heir", false, Description = "the inherited model's attribute")]
    [TestCase("GET", "ByConvention", false, Description = "a page convention")]
    [Promise(1), Promise(2), Promise(3), Promise(6)]
    public async Task Handler_and_view_run_where_the_verb_or_the_attribute_says(string verb, string page, bool onSlave)
    {
        var places = await _app.Send<PagePlaces>(new HttpMethod(verb), page);
        Assert.That(places.Handler.InRecovery, Is.EqualTo(onSlave));
        Assert.That(places.View, Is.EqualTo(places.Handler));
    }

    [Test, Promise(2)]
    public async Task Both_attributes_on_a_page_stop_the_start()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            TestApp.StartAsync(unit, app => app.MapRazorPages(), build: builder => builder.AddPagesOf(typeof(BothModel))));
        Assert.That(error!.Message, Does.Contain("/Both").And.Contain("Keep either"));
    }

    [Test, Promise(2)]
    public async Task An_attribute_on_a_page_handler_where_it_would_do_nothing_stops_the_start()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            TestApp.StartAsync(unit, app => app.MapRazorPages(), build: builder => builder.AddPagesOf(typeof(OnHandlerModel))));
        Assert.That(error!.Message, Does.Contain($"{nameof(OnHandlerModel)}.{nameof(OnHandlerModel.OnPutAsync)}").And.Contain("the page's model"));
    }

    private sealed class PlainModel(IBoard board) : WhereModel(board);

    [UseMaster]
    private sealed class OnMasterModel(IBoard board) : WhereModel(board);

    [UseSlave]
    private sealed class OnSlaveModel(IBoard board) : WhereModel(board);

    [UseMaster]
    private abstract class FatherModel(IBoard board) : WhereModel(board);

    private sealed class HeirModel(IBoard board) : FatherModel(board);

    private sealed class ByConventionModel(IBoard board) : WhereModel(board);

    [UseMaster, UseSlave]
    private sealed class BothModel(IBoard board) : WhereModel(board);

    private sealed class OnHandlerModel(IBoard board) : WhereModel(board)
    {
        [UseMaster]
        public Task OnPutAsync() => OnGetAsync();
    }
}
