using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web.Outcomes;

/// <summary>How a request goes wrong that has added a post.</summary>
internal enum Going
{
    Well,
    Throws,
    CommitFails,

    /// <summary>A statement fails, the application catches the error and answers a success.</summary>
    SwallowsAnError,

    /// <summary>A statement fails, the application catches the error and says so by its answer.</summary>
    AnswersAnError,

    SaysRollBack,
}

internal static class OutcomeWork
{
    /// <summary>Adds a post, and gives whether the answer is to say that something failed.</summary>
    public static async Task<bool> Do(IServiceProvider services, Going going, Guid id)
    {
        var board = services.GetFreshBoard();
        await board.AddAsync(id);
        switch (going)
        {
            case Going.Throws:
                throw new InvalidOperationException("on purpose");
            case Going.CommitFails:
                await board.AddOrphan(id);
                break;
            case Going.SwallowsAnError or Going.AnswersAnError:
                await Swallow(board);
                break;
            case Going.SaysRollBack:
                services.GetRequiredService<IReplicatedScope>().SetRollbackOnly();
                break;
        }

        return going == Going.AnswersAnError;
    }

    public static Task<bool> Do(HttpContext context, Going going, Guid id) => Do(context.RequestServices, going, id);

    private static async Task Swallow(IBoard board)
    {
        try
        {
            await board.ScalarAsync("select 1 / 0");
        }
        catch (Exception)
        {
            // As an application does that takes an error for harmless.
        }
    }
}
