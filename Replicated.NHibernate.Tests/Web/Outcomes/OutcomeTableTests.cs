using System.Globalization;
using Replicated.NHibernate.Tests.Evidence;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web.Outcomes;

/// <summary>Way of answering × way of failing × who handles the exception: what the client heard, and what the database has.</summary>
[TestFixtureSource(typeof(UnitOfWork), nameof(UnitOfWork.All))]
[Promise(9)]
internal sealed class OutcomeTableTests(UnitOfWork unit)
{
    private TestApp _app = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        await FailingCommit.CreateTable();
        _app = await OutcomeApp.StartAsync(unit);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task Client_hears_of_a_success_only_where_the_row_is_there([ValueSource(typeof(OutcomeApp), nameof(OutcomeApp.Ways))] string way)
    {
        var wrong = new List<string>();
        foreach (var handler in OutcomeApp.Handlers)
        {
            foreach (var going in Enum.GetValues<Going>())
            {
                var id = Guid.NewGuid();
                var heard = await OutcomeApp.Send(_app, way, handler, going, id);
                var there = await SharedCluster.IsOnMaster(id);
                if ((heard, there) != Expected(going, handler, way))
                {
                    wrong.Add(string.Create(CultureInfo.InvariantCulture, $"{way}, {handler}, {going}: success {heard}, row {there}; {_app.Log.LastException?.Message}"));
                }
            }
        }

        Assert.That(wrong, Is.Empty);
    }

    private static (bool Heard, bool There) Expected(Going going, string handler, string way) => going switch
    {
        Going.Well => (true, true),
        // The application's own answer to its own exception, and to its own decision.
        Going.Throws => (handler == "redirecting" && !way.StartsWith("grpc", StringComparison.Ordinal) && !way.StartsWith("websocket", StringComparison.Ordinal), false),
        Going.SaysRollBack => (true, false),
        _ => (false, false),
    };
}
