using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>Authentication that reads users from the database: WebApplication runs it ahead of everything unless it is written out.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
internal sealed class AuthenticationTests(UnitOfWork unit)
{
    [Test, Promise(15)]
    public async Task Ahead_of_the_scope_a_session_says_which_line_is_missing()
    {
        await using var app = await Start(written: false);
        using var response = await app.Client.GetAsync(new Uri("/where", UriKind.Relative));
        Assert.That((int)response.StatusCode, Is.EqualTo(500));
        Assert.That(
            app.Log.LastException,
            Is.TypeOf<InvalidOperationException>().With.Message.Contains("app.UseReplicatedSessions()").And.Message.Contains("UseAuthentication must be written out"));
    }

    [TestCase("GET", "/where", true)]
    [TestCase("POST", "/where", false)]
    [TestCase("GET", "/master", false)]
    [TestCase("POST", "/slave", true)]
    [Promise(1), Promise(2), Promise(3), Promise(6)]
    public async Task Written_out_after_the_scope_it_works_where_the_endpoint_works(string verb, string path, bool onSlave)
    {
        await using var app = await Start(written: true);
        var places = await app.Send<Place[]>(new HttpMethod(verb), path);
        Assert.That(places[0].InRecovery, Is.EqualTo(onSlave));
        Assert.That(places[1], Is.EqualTo(places[0]));
    }

    private Task<TestApp> Start(bool written) => TestApp.StartAsync(
        builder => unit.Register(builder.Services),
        app =>
        {
            app.UseRouting();
            app.UseReplicatedSessions();
            if (written)
            {
                app.UseAuthentication();
            }

            app.MapMethods("/where", ["GET", "POST"], Places);
            app.MapGet("/master", Places).UseMaster();
            app.MapPost("/slave", Places).UseSlave();
        },
        build: builder => builder.Services.AddAuthentication("users").AddScheme<AuthenticationSchemeOptions, UsersHandler>("users", _ => { }));

    private static async Task<Place[]> Places(ClaimsPrincipal user, IBoard board)
    {
        var port = int.Parse(user.FindFirstValue("port")!);
        return [new Place(port, bool.Parse(user.FindFirstValue("in-recovery")!)), await board.WhereAsync()];
    }

    private sealed class UsersHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, IServiceProvider services)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
    {
        protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
        {
            var place = await services.GetRequiredService<IBoard>().WhereAsync();
            Claim[] claims = [new("port", place.Port.ToString()), new("in-recovery", place.InRecovery.ToString())];
            return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(new ClaimsIdentity(claims, "users")), "users"));
        }
    }
}
