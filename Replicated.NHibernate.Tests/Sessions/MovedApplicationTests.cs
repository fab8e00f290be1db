using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;
using Replicated.NHibernate.Tests.Web;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>
/// One application, once as it was written for plain NHibernate and once moved over by the README's steps: two factories of its own with the hook, its registrations of
/// ISessionFactory and ISession removed, everything else left alone. It has a unit-of-work class of its own, which begins in its constructor and rolls back in Dispose.
/// </summary>
[TestFixture(false), TestFixture(true), Promise(5)]
internal sealed class MovedApplicationTests(bool moved)
{
    private readonly List<IDisposable> _factories = [];
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await TestApp.StartAsync(
        builder =>
        {
            if (moved)
            {
                var (master, slave) = (Factory(DatabaseRole.Master, Database.Master.ConnectionString), Factory(DatabaseRole.Slave, Database.Cluster.Slaves[0].ConnectionString));
                builder.Services.AddReplicatedNHibernate(master, slave);
            }
            else
            {
                builder.Services.AddSingleton(Factory(null, Database.Master.ConnectionString));
                builder.Services.AddScoped(sp => sp.GetRequiredService<ISessionFactory>().OpenSession());
            }

            builder.Services.AddScoped<OwnUnitOfWork>();
            builder.Services.AddScoped<NoteService>();
            builder.AddTheseControllers(typeof(MovedController));
        },
        app =>
        {
            app.UseRouting();
            if (moved)
            {
                app.UseReplicatedSessions();
            }

            app.MapControllers();
        },
        Database.Cluster);

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _app.DisposeAsync();
        _factories.ForEach(f => f.Dispose());
    }

    private ISessionFactory Factory(DatabaseRole? role, string connectionString)
    {
        var configuration = Board.Configure().BuildConfiguration().SetProperty(global::NHibernate.Cfg.Environment.ConnectionString, connectionString);
        var factory = (role is { } known ? configuration.UseReplicated(known) : configuration.SetProperty(global::NHibernate.Cfg.Environment.Hbm2ddlKeyWords, "none")).BuildSessionFactory();
        _factories.Add(factory);
        return factory;
    }

    [TestCase("save", HttpStatusCode.OK, true, Description = "Complete() commits")]
    [TestCase("forget", HttpStatusCode.OK, false, Description = "nobody completes: rolled back in Dispose, whatever was flushed")]
    [TestCase("reject", HttpStatusCode.Conflict, false, Description = "decided after the work was done")]
    [TestCase("throw", HttpStatusCode.InternalServerError, false)]
    [TestCase("twice", HttpStatusCode.OK, true, Description = "two units of work in one request: the second is rolled back")]
    public async Task A_unit_of_work_class_of_its_own_decides_what_is_saved(string how, HttpStatusCode status, bool saved)
    {
        var id = Guid.NewGuid();
        using var response = await _app.Client.PostAsync(new Uri($"moved/{how}/{id}", UriKind.Relative), content: null);
        Assert.That((response.StatusCode, await Database.Ask<long>($"select count(*) from post where id = '{id}'")), Is.EqualTo((status, saved ? 1L : 0L)));
        if (how == "twice")
        {
            Assert.That(await Database.Ask<string>($"select title from post where id = '{id}'"), Is.EqualTo("first"));
        }
    }

    [Test]
    public async Task What_it_saved_is_read_by_the_clients_next_request()
    {
        var id = Guid.NewGuid();
        using var handler = new SocketsHttpHandler { UseCookies = true, CookieContainer = new CookieContainer() };
        using var client = new HttpClient(handler) { BaseAddress = _app.Client.BaseAddress };
        using var written = await client.PostAsync(new Uri($"moved/save/{id}", UriKind.Relative), content: null);
        Assert.That(await client.GetStringAsync(new Uri($"moved/{id}", UriKind.Relative)), Is.EqualTo("first"));
    }

    /// <summary>As many applications have it.</summary>
    private sealed class OwnUnitOfWork(ISession session) : IDisposable
    {
        private ITransaction _transaction = session.BeginTransaction();

        public void Complete()
        {
            _transaction.Commit();
            _transaction.Dispose();
            _transaction = session.BeginTransaction();
        }

        public void Dispose()
        {
            if (_transaction.IsActive)
            {
                _transaction.Rollback();
            }

            _transaction.Dispose();
        }
    }

    private sealed class NoteService(ISession session)
    {
        public void Add(Guid id)
        {
            session.Save(new Post { Id = id, Title = "first" });
            session.Flush();
        }

        public void Rename(Guid id)
        {
            session.Get<Post>(id).Title = "second";
            session.Flush();
        }

        public string? Title(Guid id) => session.Get<Post>(id)?.Title;
    }

    [Route("moved")]
    private sealed class MovedController(OwnUnitOfWork unit, NoteService notes) : ControllerBase
    {
        [HttpGet("{id}")]
        public ContentResult Get(Guid id) => Content(notes.Title(id) ?? "none");

        [HttpPost("{how}/{id}")]
        public IActionResult Post(string how, Guid id)
        {
            notes.Add(id);
            switch (how)
            {
                case "reject":
                    return Conflict();
                case "throw":
                    throw new InvalidOperationException("on purpose");
                case "save":
                    unit.Complete();
                    break;
                case "twice":
                    unit.Complete();
                    notes.Rename(id);
                    break;
            }

            return Ok();
        }
    }
}
