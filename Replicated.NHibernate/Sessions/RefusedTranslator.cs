using System.Collections;
using NHibernate;
using NHibernate.Engine;
using NHibernate.Engine.Query;
using NHibernate.Event;
using NHibernate.Hql;
using NHibernate.Loader;
using NHibernate.Type;
using Replicated.NHibernate.Databases;

namespace Replicated.NHibernate.Sessions;

/// <summary>An HQL or LINQ statement that writes, which a slave's session refuses at its execution.</summary>
internal sealed class RefusedTranslator(IQueryTranslator inner) : IQueryTranslator, IQueryTranslatorWithCustomizableLoader
{
    public ISet<string> QuerySpaces => inner.QuerySpaces;

    public string SQLString => inner.SQLString;

    public IList<string> CollectSqlStrings => inner.CollectSqlStrings;

    public string QueryString => inner.QueryString;

    public IDictionary<string, IFilter> EnabledFilters => inner.EnabledFilters;

    public IType[] ReturnTypes => inner.ReturnTypes;

    public string[] ReturnAliases => inner.ReturnAliases;

    public bool ContainsCollectionFetches => inner.ContainsCollectionFetches;

    public bool IsManipulationStatement => inner.IsManipulationStatement;

#pragma warning disable CS0618 // NHibernate's interface still has it.
    public Loader Loader => inner.Loader;
#pragma warning restore CS0618

    public ILoader QueryLoader => inner.GetQueryLoader();

    public IType[] ActualReturnTypes => inner.ActualReturnTypes;

    public void Compile(IDictionary<string, string> replacements, bool shallow) => inner.Compile(replacements, shallow);

    public string[][] GetColumnNames() => inner.GetColumnNames();

    public ParameterMetadata BuildParameterMetadata() => inner.BuildParameterMetadata();

    public IList List(ISessionImplementor session, QueryParameters queryParameters) => inner.List(session, queryParameters);

    public Task<IList> ListAsync(ISessionImplementor session, QueryParameters queryParameters, CancellationToken cancellationToken) =>
        inner.ListAsync(session, queryParameters, cancellationToken);

    public IEnumerable GetEnumerable(QueryParameters queryParameters, IEventSource session) => inner.GetEnumerable(queryParameters, session);

    public Task<IEnumerable> GetEnumerableAsync(QueryParameters queryParameters, IEventSource session, CancellationToken cancellationToken) =>
        inner.GetEnumerableAsync(queryParameters, session, cancellationToken);

    public int ExecuteUpdate(QueryParameters queryParameters, ISessionImplementor session)
    {
        Refuse(session);
        return inner.ExecuteUpdate(queryParameters, session);
    }

    public Task<int> ExecuteUpdateAsync(QueryParameters queryParameters, ISessionImplementor session, CancellationToken cancellationToken)
    {
        try
        {
            Refuse(session);
        }
        catch (HibernateException e)
        {
            return Task.FromException<int>(e);
        }

        return inner.ExecuteUpdateAsync(queryParameters, session, cancellationToken);
    }

    private void Refuse(ISessionImplementor session) =>
        ReplicatedBatcher.Of(session)?.Refuse($"{SqlClassifier.Classify(CollectSqlStrings.FirstOrDefault() ?? "").Describe()} by HQL or LINQ", WriteLayer.Query);
}
