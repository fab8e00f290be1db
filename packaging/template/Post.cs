using FluentNHibernate.Mapping;

namespace ReplicatedWeb;

public class Post
{
    public virtual Guid Id { get; protected set; }

    public virtual string Title { get; set; } = "";
}

public class PostMap : ClassMap<Post>
{
    public PostMap()
    {
        Table("post");
        Id(p => p.Id).GeneratedBy.GuidComb();
        Map(p => p.Title);
    }
}
