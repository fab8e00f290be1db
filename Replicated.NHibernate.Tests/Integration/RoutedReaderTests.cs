using System.Data.Common;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Integration;

/// <summary>Npgsql gives the next statement of a connection the same reader object again, so who still holds it must not reach it.</summary>
[Promise(9)]
internal sealed class RoutedReaderTests
{
    private static readonly UnitOfWork Unit = UnitOfWork.All.First(u => u.Name != "NHibernate");

    [Test]
    public async Task One_that_outlived_its_request_reads_nobodys_rows([Values("GET", "POST")] string verb)
    {
        await using var app = await WorkApp.StartAsync(Unit);
        DbDataReader kept = null!;
        async Task Keep(Microsoft.AspNetCore.Http.HttpContext context)
        {
            var command = context.RequestServices.GetRequiredService<DbConnection>().CreateCommand();
            command.CommandText = "select generate_series(1, 1000)";
            kept = await command.ExecuteReaderAsync();
            Assert.That((await kept.ReadAsync(), kept.GetInt32(0)), Is.EqualTo((true, 1)));
        }

        (await (verb == "GET" ? app.Get(Keep) : app.Post(Keep))).Ok();
        Assert.That(kept.IsClosed, Is.True);
        Assert.That(() => kept.Read(), Throws.TypeOf<ObjectDisposedException>().With.Message.Contains("BeginScope"));
        Assert.That(() => kept.ReadAsync(), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(() => kept.GetInt32(0), Throws.TypeOf<ObjectDisposedException>());
        Assert.That(kept.Dispose, Throws.Nothing);
    }

    [Test]
    public async Task Closed_twice_it_leaves_the_next_statement_alone()
    {
        await using var app = await WorkApp.StartAsync(Unit);
        (await app.Get(async context =>
        {
            var connection = context.RequestServices.GetRequiredService<DbConnection>();
            await using var one = connection.CreateCommand();
            one.CommandText = "select 1";
            var first = await one.ExecuteReaderAsync();
            await first.CloseAsync();
            await using var two = connection.CreateCommand();
            two.CommandText = "select generate_series(1, 3)";
            await using var second = await two.ExecuteReaderAsync();
            await first.DisposeAsync();
            var rows = 0;
            while (await second.ReadAsync())
            {
                rows++;
            }

            Assert.That((first.IsClosed, rows), Is.EqualTo((true, 3)));
        })).Ok();
    }
}
