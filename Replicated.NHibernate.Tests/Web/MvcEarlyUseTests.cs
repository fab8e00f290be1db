using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Filters;
using Microsoft.AspNetCore.Mvc.ModelBinding;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>Whoever needs a session before the action filter has run gets it where the action will work, and in its transaction.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(1), Promise(2), Promise(3), Promise(6)]
internal sealed class MvcEarlyUseTests(UnitOfWork unit)
{
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync(
        unit,
        app =>
        {
            app.UseAuthorization();
            app.MapControllers();
        },
        build: builder =>
        {
            builder.AddTheseControllers(typeof(EarlyController));
            builder.Services.AddAuthorization(o => o.AddPolicy("looking", p => p.AddRequirements(new LookingRequirement())));
            builder.Services.AddScoped<IAuthorizationHandler, LookingHandler>();
        });

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [TestCase("GET", "verb", true)]
    [TestCase("POST", "verb", false)]
    [TestCase("GET", "master", false)]
    [TestCase("POST", "slave", true)]
    public async Task Authorization_filters_binders_and_constructors_work_where_the_action_works(string verb, string action, bool onSlave)
    {
        var places = await _app.Send<Place[]>(new HttpMethod(verb), $"/early/{action}");
        Assert.That(places, Has.Length.EqualTo(5));
        Assert.That(places.Distinct().ToArray(), Has.Length.EqualTo(1), "one server for the whole request");
        Assert.That(places[0].InRecovery, Is.EqualTo(onSlave));
    }

    [Test, Promise(9)]
    public async Task What_a_binder_wrote_is_committed_with_the_action_and_rolled_back_with_it([Values] bool fails)
    {
        var id = Guid.NewGuid();
        using var response = await _app.Client.PostAsync($"/early/added/{id}/{fails}", content: null);
        Assert.That((int)response.StatusCode, Is.EqualTo(fails ? 500 : 200), () => $"{_app.Log.LastException}");
        Assert.That(await SharedCluster.IsOnMaster(id), Is.EqualTo(!fails));
    }

    [Test, Promise(9)]
    public async Task What_an_authorization_filter_wrote_before_it_refused_is_committed_with_its_403()
    {
        var id = Guid.NewGuid();
        using var response = await _app.Client.PostAsync($"/early/refused/{id}", content: null);
        Assert.That((int)response.StatusCode, Is.EqualTo(403));
        Assert.That(await SharedCluster.IsOnMaster(id), Is.True);
    }

    private static async Task Look(HttpContext context)
    {
        var places = context.Items["places"] as List<Place> ?? [];
        context.Items["places"] = places;
        places.Add(await context.RequestServices.GetRequiredService<IBoard>().WhereAsync());
    }

    [Route("early"), Authorize("looking"), LookFirst]
    private sealed class EarlyController : ControllerBase
    {
        private readonly IBoard _board;
        private readonly Place _constructed;

        public EarlyController(IBoard board)
        {
            _board = board;
            _constructed = board.WhereAsync().GetAwaiter().GetResult();
        }

        [HttpGet("verb"), HttpPost("verb")]
        public Task<List<Place>> Verb([ModelBinder(typeof(LookingBinder))] string looked) => Look(looked);

        [HttpGet("master"), UseMaster]
        public Task<List<Place>> Master([ModelBinder(typeof(LookingBinder))] string looked) => Look(looked);

        [HttpPost("slave"), UseSlave]
        public Task<List<Place>> Slave([ModelBinder(typeof(LookingBinder))] string looked) => Look(looked);

        [HttpPost("added/{id:guid}/{fails}")]
        public Task Added([ModelBinder(typeof(AddingBinder))] string added, bool fails) =>
            fails ? throw new InvalidOperationException("on purpose") : Task.FromResult(added);

        [HttpPost("refused/{id:guid}"), AddAndRefuse]
        public void Refused()
        {
        }

        private async Task<List<Place>> Look(string looked)
        {
            var places = (List<Place>)HttpContext.Items[looked]!;
            places.Add(_constructed);
            places.Add(await _board.WhereAsync());
            return places;
        }
    }

    internal sealed class LookingRequirement : IAuthorizationRequirement;

    internal sealed class LookingHandler(IHttpContextAccessor accessor) : AuthorizationHandler<LookingRequirement>
    {
        protected override async Task HandleRequirementAsync(AuthorizationHandlerContext context, LookingRequirement requirement)
        {
            await Look(accessor.HttpContext!);
            context.Succeed(requirement);
        }
    }

    [AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
    private sealed class LookFirstAttribute : Attribute, IAsyncAuthorizationFilter
    {
        public Task OnAuthorizationAsync(AuthorizationFilterContext context) => Look(context.HttpContext);
    }

    [AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
    private sealed class AddAndRefuseAttribute : Attribute, IAsyncAuthorizationFilter
    {
        public async Task OnAuthorizationAsync(AuthorizationFilterContext context)
        {
            await context.HttpContext.RequestServices.GetRequiredService<IBoard>().AddAsync(Guid.Parse((string)context.RouteData.Values["id"]!));
            context.Result = new StatusCodeResult(403);
        }
    }

    private sealed class LookingBinder : IModelBinder
    {
        public async Task BindModelAsync(ModelBindingContext bindingContext)
        {
            await Look(bindingContext.HttpContext);
            bindingContext.Result = ModelBindingResult.Success("places");
        }
    }

    private sealed class AddingBinder : IModelBinder
    {
        public async Task BindModelAsync(ModelBindingContext bindingContext)
        {
            var id = Guid.Parse(bindingContext.ValueProvider.GetValue("id").FirstValue!);
            await bindingContext.HttpContext.RequestServices.GetRequiredService<IBoard>().AddAsync(id);
            bindingContext.Result = ModelBindingResult.Success("added");
        }
    }
}
