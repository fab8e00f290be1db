using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Databases;

/// <summary>What is a string, a comment or a name in one database and not in another.</summary>
[Promise(12)]
internal sealed class SqlSyntaxTests
{
    [TestCase("select 'it\\'s; update t'", SqlSyntax.MySql, SqlKind.Query)]
    [TestCase("select 'a\\'; update t set b = 'c'", SqlSyntax.PostgreSql, SqlKind.Write)]
    [TestCase("select 1 # for update\n", SqlSyntax.MySql, SqlKind.Query)]
    [TestCase("select 1 # '\n; update t set a = '1'", SqlSyntax.MySql, SqlKind.Write)]
    [TestCase("select a #> b from t for update", SqlSyntax.PostgreSql, SqlKind.RowLock)]
    [TestCase("select 1 /*!50000 for update */", SqlSyntax.MySql, SqlKind.RowLock)]
    [TestCase("select 1 /*M! for update */ where a */*b*/ 2", SqlSyntax.MySql, SqlKind.RowLock)]
    [TestCase("select 1 /*! for update */", SqlSyntax.PostgreSql, SqlKind.Query)]
    [TestCase("select 5--3 for update", SqlSyntax.MySql, SqlKind.RowLock)]
    [TestCase("select 5--3 for update", SqlSyntax.PostgreSql, SqlKind.Query)]
    [TestCase("/* a /* b */ update t */ select 1", SqlSyntax.PostgreSql, SqlKind.Query)]
    [TestCase("/* a /* b */ update t set a = 1", SqlSyntax.MySql, SqlKind.Write)]
    [TestCase("select \"a\\\" for update\"", SqlSyntax.MySql, SqlKind.Query)]
    [TestCase("select array [nextval('s')]", SqlSyntax.PostgreSql, SqlKind.Write)]
    [TestCase("select array [nextval('s')], a[nextval('s')], b from t", SqlSyntax.Any, SqlKind.Write)]
    [TestCase("select [for update], t.[nextval(] from [order]", SqlSyntax.Any, SqlKind.Query)]
    [TestCase("select E'a\\'b'\n'\\'; update t'", SqlSyntax.PostgreSql, SqlKind.Query)]
    [TestCase("select U&'a\\' for update", SqlSyntax.PostgreSql, SqlKind.RowLock)]
    [TestCase("select a$b$ from t for update of a$b$", SqlSyntax.PostgreSql, SqlKind.RowLock)]
    [TestCase("select s.nextval from t", SqlSyntax.PostgreSql, SqlKind.Query)]
    [TestCase("select * from t with (updlock)", SqlSyntax.Any, SqlKind.RowLock)]
    public void Text_is_read_as_its_database_reads_it(string sql, object syntax, object kind) =>
        Assert.That(SqlClassifier.Classify(sql, (SqlSyntax)syntax).Kind, Is.EqualTo(kind));
}
