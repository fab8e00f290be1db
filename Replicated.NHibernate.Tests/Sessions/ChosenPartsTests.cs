using NHibernate;
using NHibernate.Engine;
using NHibernate.Exceptions;
using NHibernate.Hql;
using NHibernate.Hql.Ast.ANTLR;
using Replicated.NHibernate.Tests.Evidence;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>The slave's guard stands in front of the query translators and the exception converter that the application chose.</summary>
[Promise(12)]
internal sealed class ChosenPartsTests
{
    private SessionApp _app = null!;

    [OneTimeSetUp]
    public async Task Start() => _app = await SessionApp.StartAsync(configure: () => Database.Configure().BuildConfiguration()
        .SetProperty(Environment.QueryTranslator, typeof(ChosenTranslators).AssemblyQualifiedName)
        .SetProperty(Environment.SqlExceptionConverter, typeof(ChosenConverter).AssemblyQualifiedName));

    [OneTimeTearDown]
    public async Task Stop() => await _app.DisposeAsync();

    [Test]
    public async Task Translators([Values("GET", "POST")] string verb)
    {
        var made = ChosenTranslators.Made;
        var answer = await _app.Send(new HttpMethod(verb), "/run", context =>
        {
            context.Session().CreateQuery($"from Note where Name = '{verb} of a note'").List();
            context.Session().CreateQuery($"update Note set Name = Name where Name = '{verb} of a note'").ExecuteUpdate();
            return Task.FromResult(SessionApp.Done());
        });
        Assert.That((ChosenTranslators.Made - made, answer.Thrown is SlaveWriteException, answer.IsSuccess), Is.EqualTo((2, verb == "GET", verb == "POST")));
    }

    [Test]
    public async Task The_converter([Values("GET", "POST")] string verb)
    {
        var answer = await _app.Send(new HttpMethod(verb), "/run", context =>
        {
            context.Session().CreateSQLQuery("select 1 / 0").List();
            return Task.FromResult(SessionApp.Done());
        });
        Assert.That(answer.Thrown, Is.InstanceOf<InvalidOperationException>().With.Message.EqualTo("chosen"));
    }

    [Test]
    public async Task Without_one_of_the_applications_the_dialects_converts()
    {
        await using var app = await SessionApp.StartAsync();
        var answer = await app.Get(session => session.CreateSQLQuery("select 1 / 0").List());
        Assert.That(answer.Thrown, Is.InstanceOf<GenericADOException>().With.InnerException.Property("SqlState").EqualTo("22012"));
    }

    internal sealed class ChosenTranslators : IQueryTranslatorFactory
    {
        private static int _made;
        private readonly ASTQueryTranslatorFactory _inner = new();

        public static int Made => _made;

        public IQueryTranslator[] CreateQueryTranslators(
            IQueryExpression queryExpression, string collectionRole, bool shallow, IDictionary<string, IFilter> filters, ISessionFactoryImplementor factory)
        {
            Interlocked.Increment(ref _made);
            return _inner.CreateQueryTranslators(queryExpression, collectionRole, shallow, filters, factory);
        }
    }

    internal sealed class ChosenConverter : ISQLExceptionConverter
    {
        public Exception Convert(AdoExceptionContextInfo adoExceptionContextInfo) => new InvalidOperationException("chosen", adoExceptionContextInfo.SqlException);
    }
}
