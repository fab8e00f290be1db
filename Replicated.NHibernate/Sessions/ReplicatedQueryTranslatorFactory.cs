using NHibernate;
using NHibernate.Engine;
using NHibernate.Hql;

namespace Replicated.NHibernate.Sessions;

/// <summary>
/// Refuses HQL and LINQ statements, where writes are refused, before NHibernate does anything for them. For a class of several tables
/// that is a temporary table, made by a command that passes no batcher. Works through the factory of translators that the application chose.
/// </summary>
internal sealed class ReplicatedQueryTranslatorFactory : IQueryTranslatorFactory
{
    public IQueryTranslator[] CreateQueryTranslators(
        IQueryExpression queryExpression, string collectionRole, bool shallow, IDictionary<string, IFilter> filters, ISessionFactoryImplementor factory)
    {
        if (factory.ConnectionProvider is not ReplicatedConnectionProvider provider)
        {
            throw new HibernateException(
                $"The factory uses {nameof(ReplicatedQueryTranslatorFactory)} without {nameof(ReplicatedConnectionProvider)}. Call configuration.UseReplicated(role), which sets both.");
        }

        var translators = provider.Translators.CreateQueryTranslators(queryExpression, collectionRole, shallow, filters, factory);
        return Array.ConvertAll(translators, t => t.IsManipulationStatement ? new RefusedTranslator(t) : t);
    }
}
