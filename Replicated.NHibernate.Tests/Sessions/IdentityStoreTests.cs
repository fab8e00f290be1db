using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using NHibernate.Linq;
using Replicated.NHibernate.Tests.Evidence;
using ISession = NHibernate.ISession;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Stores in the shape of NHibernate.AspNetCore.Identity's: scoped, a session by constructor, a flush after each change.</summary>
[Promise(1)]
internal sealed class IdentityStoreTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync(
        configure: () => Database.Configure().BuildConfiguration(),
        services: s => s.AddScoped<UserStore>().AddScoped<RoleStore>());

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task Two_stores_work_in_the_requests_one_transaction([Values] bool fails)
    {
        var name = Guid.NewGuid().ToString();
        await _app.Post(async context =>
        {
            var (users, roles) = Stores(context);
            await users.CreateAsync(new Setting { Id = Guid.NewGuid(), Name = name });
            await roles.CreateAsync(new Note { Name = name });
            Assert.That((users.Session == roles.Session, await Rows(name)), Is.EqualTo((true, 0L)), "flushed, and not committed");
            return fails ? throw new InvalidOperationException("on purpose") : SessionApp.Done();
        });
        Assert.That(await Rows(name), Is.EqualTo(fails ? 0 : 2));
    }

    [Test]
    public async Task On_a_get_they_read_from_a_slave_and_refuse_to_write()
    {
        var name = Guid.NewGuid().ToString();
        await Database.Execute($"insert into setting values ('{Guid.NewGuid()}', '{name}')");
        await Database.Cluster.WaitForSlavesAsync();
        var answer = await _app.Get(async context =>
        {
            var (users, _) = Stores(context);
            var user = await users.FindByNameAsync(name);
            Assert.That(users.Session.Scalar("select pg_is_in_recovery()"), Is.EqualTo("True"));
            user!.Name = "after";
            await users.UpdateAsync(user);
            return SessionApp.Done();
        });
        Assert.That(answer.Thrown, Is.InstanceOf<SlaveWriteException>().With.Message.Contains("Setting#"));
        Assert.That(await Rows(name), Is.EqualTo(1));
    }

    private static (UserStore Users, RoleStore Roles) Stores(HttpContext context) =>
        (context.RequestServices.GetRequiredService<UserStore>(), context.RequestServices.GetRequiredService<RoleStore>());

    private static Task<long> Rows(string name) =>
        Database.Ask<long>($"select (select count(*) from setting where name = '{name}') + (select count(*) from note where name = '{name}')");

    internal sealed class UserStore(ISession session)
    {
        public ISession Session => session;

        public async Task CreateAsync(Setting user)
        {
            await session.SaveAsync(user);
            await session.FlushAsync();
        }

        public async Task UpdateAsync(Setting user)
        {
            await session.UpdateAsync(user);
            await session.FlushAsync();
        }

        public Task<Setting?> FindByNameAsync(string name) => session.Query<Setting>().Where(s => s.Name == name).SingleOrDefaultAsync()!;
    }

    internal sealed class RoleStore(ISession session)
    {
        public ISession Session => session;

        public async Task CreateAsync(Note role)
        {
            await session.SaveAsync(role);
            await session.FlushAsync();
        }
    }
}
