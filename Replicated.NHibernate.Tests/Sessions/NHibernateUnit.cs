using FluentNHibernate.Cfg;
using FluentNHibernate.Cfg.Db;
using FluentNHibernate.Mapping;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Replicated.NHibernate.Tests.Sessions;
using System.Globalization;

namespace Replicated.NHibernate.Tests.Integration
{
    internal sealed partial class UnitOfWork
    {
        static partial void AddNHibernate(ref UnitOfWork? unit) => unit = new UnitOfWork("NHibernate", (services, options) =>
        {
            services.AddReplicatedNHibernate(Board.Configure, options);
            services.AddScoped<IBoard, SessionBoard>();
        });
    }
}

namespace Replicated.NHibernate.Tests.Sessions
{
    using Replicated.NHibernate.Tests.Integration;

    public class Post
    {
        public virtual Guid Id { get; set; }

        public virtual string Title { get; set; } = "";

        public virtual int Version { get; set; }
    }

    internal sealed class PostMap : ClassMap<Post>
    {
        public PostMap()
        {
            Table("post");
            Id(p => p.Id).GeneratedBy.Assigned();
            Version(p => p.Version);
            Map(p => p.Title);
        }
    }

    internal static class Board
    {
        public static FluentConfiguration Configure() => Fluently.Configure()
            .Database(PostgreSQLConfiguration.PostgreSQL82.Dialect<global::NHibernate.Dialect.PostgreSQL83Dialect>())
            .Mappings(m => m.FluentMappings.Add<PostMap>());
    }

    /// <summary>The board on a routed session.</summary>
    internal sealed class SessionBoard(ISession session) : IBoard
    {
        public async Task<Place> WhereAsync()
        {
            var row = await session.CreateSQLQuery(Sql.Where).UniqueResultAsync<object[]>();
            return new Place((int)row[0], (bool)row[1]);
        }

        public Task AddAsync(Guid id, string title = "a post") => session.SaveAsync(new Post { Id = id, Title = title });

        public async Task<bool> HasAsync(Guid id) => await session.GetAsync<Post>(id) is not null;

        public Task ExecuteAsync(string sql) => session.CreateSQLQuery(sql).ExecuteUpdateAsync();

        public async Task<long> ScalarAsync(string sql) =>
            Convert.ToInt64(await session.CreateSQLQuery(sql).UniqueResultAsync(), CultureInfo.InvariantCulture);
    }
}
