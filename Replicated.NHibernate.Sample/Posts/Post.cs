namespace Replicated.NHibernate.Sample.Posts;

public class Post
{
    public virtual long Id { get; set; }

    public virtual string Title { get; set; } = "";

    public virtual string Body { get; set; } = "";

    public virtual DateTime CreatedAt { get; set; }
}
