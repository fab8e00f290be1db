using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Web;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>An MVC action's view runs after the commit, though not a byte has been sent yet.</summary>
[Promise(9)]
internal sealed class MvcViewTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync(
        configure: () => Database.Configure().BuildConfiguration(),
        services: s => s.AddControllers().With(new TypesPart([typeof(ViewsController)])),
        map: app => app.MapControllers());

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task It_reads_lazily_what_the_action_loaded_and_sees_what_it_wrote([Values("GET", "POST")] string verb)
    {
        var key = Guid.NewGuid();
        await Database.Execute($"insert into invoice (id, name) values ('{key}', '{key}'); insert into invoice_line values ('{key}', '{key}', 'a line')");
        await Database.Cluster.WaitForSlavesAsync();
        var answer = await _app.Send(new HttpMethod(verb), $"/views/read/{key}");
        Assert.That(answer.Ok().Body, Is.EqualTo(verb == "GET" ? "1, False" : "1, True"));
    }

    [Test]
    public async Task A_write_in_it_throws_and_what_the_action_wrote_stays()
    {
        var key = Guid.NewGuid();
        var answer = await _app.Send(HttpMethod.Post, $"/views/write/{key}");
        Assert.That(answer.Thrown, Is.InstanceOf<WriteAfterCompletionException>().With.Message.Contains("ViewsController.Write"));
        Assert.That(await Database.Ask<string>($"select string_agg(name, ',') from note where name like '{key}%'"), Is.EqualTo($"{key} in the action"));
    }
}

[Route("views")]
internal sealed class ViewsController(ISession session) : ControllerBase
{
    [AcceptVerbs("GET", "POST", Route = "read/{key:guid}")]
    public IActionResult Read(Guid key)
    {
        var invoice = session.Get<Invoice>(key);
        if (HttpMethods.IsPost(Request.Method))
        {
            session.Save(new Note { Name = key.ToString() });
        }

        return new Rendered(response => response.WriteAsync($"{invoice.Lines.Count}, {session.CreateQuery("from Note where Name = :name").SetString("name", key.ToString()).List().Count == 1}"));
    }

    [HttpPost("write/{key:guid}")]
    public IActionResult Write(Guid key)
    {
        session.Save(new Note { Name = $"{key} in the action" });
        return new Rendered(_ => session.SaveAsync(new Note { Name = $"{key} in the view" }));
    }

    private sealed class Rendered(Func<HttpResponse, Task> render) : IActionResult
    {
        public Task ExecuteResultAsync(ActionContext context) => render(context.HttpContext.Response);
    }
}
