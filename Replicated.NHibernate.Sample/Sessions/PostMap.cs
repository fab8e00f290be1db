using FluentNHibernate.Mapping;
using NHibernate.Type;

namespace Replicated.NHibernate.Sample.Posts;

internal sealed class PostMap : ClassMap<Post>
{
    public PostMap()
    {
        Table(PostsTable.Name);
        Id(post => post.Id).GeneratedBy.Identity();
        Map(post => post.Title);
        Map(post => post.Body);
        Map(post => post.CreatedAt).Column("created_at").CustomType<UtcDateTimeType>();
    }
}
