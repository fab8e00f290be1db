using NHibernate.Dialect;
using NHibernate.Exceptions;
using Replicated.NHibernate.Databases;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Sessions;

/// <summary>
/// On the slave's factory: what the database refuses while the rows of a query are read becomes a <see cref="SlaveWriteException"/> too. Everything
/// else goes to the converter that the application or the dialect chose.
/// </summary>
internal sealed class SlaveExceptionConverter : ISQLExceptionConverter, IConfigurable
{
    /// <summary>The converter that the application chose.</summary>
    public const string ChosenProperty = "replicated.sql_exception_converter";

    private ISQLExceptionConverter _inner = SQLExceptionConverterFactory.BuildMinimalSQLExceptionConverter();

    public void Configure(IDictionary<string, string> properties)
    {
        var chosen = new Dictionary<string, string>(properties, StringComparer.Ordinal);
        chosen.Remove(Environment.SqlExceptionConverter);
        if (chosen.TryGetValue(ChosenProperty, out var name))
        {
            chosen[Environment.SqlExceptionConverter] = name;
        }

        _inner = SQLExceptionConverterFactory.BuildSQLExceptionConverter(Dialect.GetDialect(properties), chosen);
    }

    public Exception Convert(AdoExceptionContextInfo adoExceptionContextInfo)
    {
        // A batch of queries converts whatever was thrown.
        if (adoExceptionContextInfo.SqlException is SlaveWriteException refused)
        {
            return refused;
        }

        return ADOExceptionHelper.ExtractDbException(adoExceptionContextInfo.SqlException) is { } said && DatabaseDialect.IsReadOnlyRefusal(said)
            ? SlaveWriteException.Of(
                SqlClassifier.Classify(adoExceptionContextInfo.Sql ?? "").Describe(), WriteLayer.Database, ReplicatedConnectionProvider.ScopeOfTheSession()?.Connection(DatabaseRole.Slave), said)
            : _inner.Convert(adoExceptionContextInfo);
    }
}
