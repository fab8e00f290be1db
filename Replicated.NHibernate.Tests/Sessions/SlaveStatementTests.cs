using Replicated.NHibernate.Sessions;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

[Promise(12)]
internal sealed class SlaveStatementTests
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
    public void Is_refused(string sql, string trespass) => Assert.That(SlaveStatement.Trespass(sql), Is.EqualTo(trespass));

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
    [TestCase("")]
    public void Is_a_read(string sql) => Assert.That(SlaveStatement.Trespass(sql), Is.Null);

    [Test]
    public void Looking_allocates_nothing()
    {
        const string Sql = "select invoice0_.id as id1_, invoice0_.name as name2_, invoice0_.formatted as information3_ from invoice invoice0_ where invoice0_.id = :p0 limit 10 offset 20";
        Assert.That(Looked(), Is.Zero, "for the first time");
        var before = GC.GetAllocatedBytesForCurrentThread();
        var found = Looked();
        Assert.That((GC.GetAllocatedBytesForCurrentThread() - before, found), Is.EqualTo((0L, 0)));

        static int Looked() => Statement.WritingWord(Sql).Length + (SlaveStatement.Trespass(Sql)?.Length ?? 0);
    }
}
