using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Databases;

/// <summary>What a query may do on a slave beside reading.</summary>
[Promise(12)]
internal sealed class SlaveSqlTests
{
    [TestCase("select * from t for update", "SELECT FOR UPDATE")]
    [TestCase("select * from t this_ for\tUPDATE of this_ nowait", "SELECT FOR UPDATE")]
    [TestCase("select * from t for no key update", "SELECT FOR UPDATE")]
    [TestCase("select * from t for share", "SELECT FOR UPDATE")]
    [TestCase("select * from t for key share", "SELECT FOR UPDATE")]
    [TestCase("select * from t for /* why */ update", "SELECT FOR UPDATE")]
    [TestCase("select 1; select * from t for update", "SELECT FOR UPDATE")]
    [TestCase("select nextval('s')", "NEXTVAL")]
    [TestCase("select s.nextval from dual", "NEXTVAL")]
    [TestCase("select setval('s', 1)", "SETVAL")]
    [TestCase("select next value for s", "NEXT VALUE FOR")]
    [TestCase("select lo_create(0)", "LO_CREATE")]
    [TestCase("select a into b from t", "SELECT INTO")]
    [TestCase("with s as (select 1 as a) select a into b from s", "SELECT INTO")]
    [TestCase("explain analyze update t set a = 1", "EXPLAIN ANALYZE")]
    [TestCase("explain (costs off, analyse) create table b as select 1", "EXPLAIN ANALYZE")]
    [TestCase("set transaction read write", "SET TRANSACTION READ WRITE")]
    [TestCase("begin read write", "SET TRANSACTION READ WRITE")]
    [TestCase("set default_transaction_read_only = off", "SET TRANSACTION READ WRITE")]
    [TestCase("select set_config('transaction_read_only', 'off', true)", "SET TRANSACTION READ WRITE")]
    [TestCase("set session characteristics as transaction isolation level read committed, read write", "SET TRANSACTION READ WRITE")]
    [TestCase("start transaction isolation level serializable, read write", "SET TRANSACTION READ WRITE")]
    [TestCase("set session transaction_read_only = 0", "SET TRANSACTION READ WRITE")]
    [TestCase("set @@session.tx_read_only := 0", "SET TRANSACTION READ WRITE")]
    [TestCase("set local transaction_read_only to default", "SET TRANSACTION READ WRITE")]
    [TestCase("reset default_transaction_read_only", "SET TRANSACTION READ WRITE")]
    [TestCase("pragma query_only = off", "SET TRANSACTION READ WRITE")]
    [TestCase("select set_config('default_transaction_read_only', :value, false)", "SET TRANSACTION READ WRITE")]
    [TestCase("select set_config('transaction_' || 'read_only', 'off', true)", "SET TRANSACTION READ WRITE")]
    [TestCase("select set_config(concat('transaction', '_read_only'), 'off', true)", "SET TRANSACTION READ WRITE")]
    [TestCase("select 1; set transaction read write; select 2", "SET TRANSACTION READ WRITE")]
    [TestCase("select (select a from t for update)", "SELECT FOR UPDATE")]
    [TestCase("declare c cursor for select * from t for update", "SELECT FOR UPDATE")]
    [TestCase("explain (analyze, timing off) insert into t values (1)", "EXPLAIN ANALYZE")]
    public void Statement_that_does_more_than_reading_is_refused(string sql, string word)
    {
        var verdict = SqlClassifier.Classify(sql);
        Assert.That((verdict.Kind >= SqlKind.RowLock, verdict.Word), Is.EqualTo((true, word)));
    }

    [TestCase("select * from t")]
    [TestCase("select substring(name for 3), \"update\" from t")]
    [TestCase("select information, share from t where forename = 'for update'")]
    [TestCase("select 'a' for_update, key, update from t")]
    [TestCase("select * from t where a = ' into ' -- for update")]
    [TestCase("select \"into\", next, value from t limit 1 offset 2")]
    [TestCase("explain select nothing from t")]
    [TestCase("explain insert into t values (1)")]
    [TestCase("explain analyze select a from t")]
    [TestCase("set local statement_timeout = 5")]
    [TestCase("set transaction read only")]
    [TestCase("show transaction_read_only")]
    [TestCase("select current_setting('transaction_read_only'), read, write from t")]
    [TestCase("select substring(a for (share)), b from t")]
    [TestCase("select substring(a for 1), key, update from t")]
    [TestCase("select substring(a for update), overlay(b placing c from 1 for share) from t")]
    [TestCase("explain (analyze false) insert into t values (1)")]
    [TestCase("explain select * from t for update")]
    [TestCase("set transaction_read_only = on")]
    [TestCase("select set_config('transaction_read_only', 'on', true)")]
    [TestCase("reset all")]
    [TestCase("")]
    public void Statement_that_reads_or_sets_is_allowed(string sql) => Assert.That(SqlClassifier.Classify(sql).Kind, Is.LessThan(SqlKind.RowLock));

    [Test]
    public void Classifying_allocates_nothing()
    {
        const string Short = "select invoice0_.id as id1_, invoice0_.name as name2_ from invoice invoice0_ where invoice0_.id = :p0 limit 10 offset 20";
        const string Long = "/* criteria */ with s as (select 'a' as formatted, \"into\" from t) select * from s where information = $1; update t set a = E'\\''";
        Assert.That(Classified(), Is.EqualTo(SqlKind.Write), "for the first time");
        var before = GC.GetAllocatedBytesForCurrentThread();
        var kind = Classified();
        Assert.That((GC.GetAllocatedBytesForCurrentThread() - before, kind), Is.EqualTo((0L, SqlKind.Write)));

        static SqlKind Classified() => (SqlKind)Math.Max((int)SqlClassifier.Classify(Short).Kind, (int)SqlClassifier.Classify(Long).Kind);
    }
}
