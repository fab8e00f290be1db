namespace Replicated.NHibernate.Benchmarks;

public sealed record NewPost(string Title, string Body);

public sealed record PostView(Guid Id, string Title, string Body, DateTime Written);
