using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Replicated.NHibernate.Tests.Integration;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>A board on whatever is current when it is asked for; the one without a key lives as long as its container scope.</summary>
internal static class FreshBoard
{
    public const string Key = "fresh";

    public static WebApplicationBuilder AddFreshBoard(this WebApplicationBuilder builder)
    {
        var type = builder.Services.Last(s => s.ServiceType == typeof(IBoard) && !s.IsKeyedService).ImplementationType!;
        builder.Services.AddKeyedTransient(Key, (services, _) => (IBoard)ActivatorUtilities.CreateInstance(services, type));
        return builder;
    }

    public static IBoard GetFreshBoard(this IServiceProvider services) => services.GetRequiredKeyedService<IBoard>(Key);
}
