using Replicated.NHibernate.Databases;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Databases;

/// <summary>What a statement's own words tell of it.</summary>
[Promise(12)]
internal sealed class SqlClassifierTests
{
    [TestCase("insert into t values (1)", "INSERT")]
    [TestCase("  \r\n\tUPDATE t SET a = 1", "UPDATE")]
    [TestCase("delete from t", "DELETE")]
    [TestCase("merge into t using s on true when matched then delete", "MERGE")]
    [TestCase("truncate t", "TRUNCATE")]
    [TestCase("create temporary table t (a int)", "CREATE")]
    [TestCase("drop table t", "DROP")]
    [TestCase("alter table t add b int", "ALTER")]
    [TestCase("replace into t values (1)", "REPLACE")]
    [TestCase("/* criteria query */ insert into t values (1)", "INSERT")]
    [TestCase("/* one *//* two */ -- three\n update t set a = 1", "UPDATE")]
    [TestCase("-- only a remark\ndelete from t", "DELETE")]
    [TestCase("update\tt set a = 1", "UPDATE")]
    [TestCase("with gone as (delete from t returning a) select a from gone", "DELETE")]
    [TestCase("with gone as materialized (delete from t returning a) select a from gone", "DELETE")]
    [TestCase("with gone as (with s as (select 1) delete from t returning a) select a from gone", "DELETE")]
    [TestCase("with s as (select 1) insert into t select * from s", "INSERT")]
    [TestCase("with recursive s as (select 1) search depth first by id set o update t set a = 1", "UPDATE")]
    [TestCase("select 1; update t set a = 1", "UPDATE")]
    [TestCase("do $$ begin delete from t; end $$", "DO")]
    [TestCase("copy t from '/dev/null'", "COPY")]
    [TestCase("copy (insert into t values (1) returning a) to stdout", "INSERT")]
    [TestCase("grant select on t to somebody", "GRANT")]
    [TestCase("refresh materialized view t", "REFRESH")]
    [TestCase("select 1; vacuum t", "VACUUM")]
    [TestCase("analyze t", "ANALYZE")]
    [TestCase("reindex table t", "REINDEX")]
    [TestCase("comment on table t is 'select'", "COMMENT")]
    [TestCase("select E'a\\'; select ', 1; update t set a = 1 where b = ''", "UPDATE")]
    [TestCase("begin update t set a = 1 end", "UPDATE")]
    [TestCase("set statement max_statement_time = 1 for delete from t", "DELETE")]
    public void Statement_that_writes_is_a_write(string sql, string word)
    {
        var verdict = SqlClassifier.Classify(sql);
        Assert.That((verdict.Kind, verdict.Word), Is.EqualTo((SqlKind.Write, word)));
    }

    [TestCase("select * from t")]
    [TestCase("select a, 'insert into t' from t")]
    [TestCase("/* update t */ select 1")]
    [TestCase("-- delete from t\nselect 1")]
    [TestCase("/* never ends: update t set a = 1")]
    [TestCase("-- never ends: update t set a = 1")]
    [TestCase("with s as (select 1) select * from s")]
    [TestCase("with s as (select ') insert into t' as a) select * from s")]
    [TestCase("with update as (select 1), delete as (select 2) select update from update, delete")]
    [TestCase("with s(merge) as (select 1) select merge from s")]
    [TestCase("select 'a;b'")]
    [TestCase("select '; update t set a = 1'")]
    [TestCase("select $$; update t set a = 1$$")]
    [TestCase("select $tag$; update t set a = 1 $$ $tag$")]
    [TestCase("select E'it\\'s; update x'")]
    [TestCase("select \"update\" from t; select `delete`, [merge] from t")]
    [TestCase("select t.update, t.merge, m.into, f.for from t; select delete from t")]
    [TestCase("select 1 as into, 2 as for, update from t")]
    [TestCase("select a::text, b::update from t where c = :update or d = @for")]
    [TestCase("(select 1) union (select 2)")]
    [TestCase("show server_version")]
    [TestCase("copy t to stdout")]
    [TestCase("copy (select * from t) to stdout (format binary)")]
    [TestCase("lock table t in access share mode")]
    [TestCase("explain update t set a = 1")]
    [TestCase("values (1), (2)")]
    [TestCase("table t")]
    [TestCase("")]
    [TestCase(";")]
    public void Statement_that_reads_is_a_query(string sql) => Assert.That(SqlClassifier.Classify(sql).Kind, Is.EqualTo(SqlKind.Query));

    [TestCase("set search_path to a", SqlKind.SessionSetting)]
    [TestCase("set local role somebody", SqlKind.SessionSetting)]
    [TestCase("reset search_path", SqlKind.SessionSetting)]
    [TestCase("reset all", SqlKind.SessionReset)]
    [TestCase("discard all", SqlKind.SessionReset)]
    [TestCase("declare c cursor for select 1", SqlKind.SessionSetting)]
    [TestCase("fetch 10 from c", SqlKind.SessionSetting)]
    [TestCase("close c", SqlKind.SessionSetting)]
    [TestCase("listen here", SqlKind.SessionSetting)]
    [TestCase("select set_config('app.tenant', 'a', false)", SqlKind.SessionSetting)]
    [TestCase("select set_config('app.tenant'::text, :tenant, false)", SqlKind.SessionSetting)]
    [TestCase("select set_config(:name, :value, true)", SqlKind.SessionSetting)]
    [TestCase("select a into @b from t", SqlKind.SessionSetting)]
    [TestCase("begin", SqlKind.TransactionControl)]
    [TestCase("begin transaction isolation level serializable", SqlKind.TransactionControl)]
    [TestCase("start transaction read only", SqlKind.TransactionControl)]
    [TestCase("commit", SqlKind.TransactionControl)]
    [TestCase("rollback", SqlKind.TransactionControl)]
    [TestCase("prepare transaction 'a'", SqlKind.TransactionControl)]
    [TestCase("savepoint a", SqlKind.Savepoint)]
    [TestCase("release savepoint a", SqlKind.Savepoint)]
    [TestCase("rollback to savepoint a", SqlKind.Savepoint)]
    [TestCase("rollback transaction to a", SqlKind.Savepoint)]
    [TestCase("call p()", SqlKind.Unknown)]
    [TestCase("{ ? = call p() }", SqlKind.Unknown)]
    [TestCase("inserted", SqlKind.Unknown)]
    [TestCase("update_statistics()", SqlKind.Unknown)]
    [TestCase("select pg_advisory_lock(1)", SqlKind.AdvisoryLock)]
    [TestCase("select pg_catalog.pg_try_advisory_xact_lock_shared(1, 2)", SqlKind.AdvisoryLock)]
    [TestCase("select \"pg_advisory_xact_lock\"(1)", SqlKind.AdvisoryLock)]
    [TestCase("select get_lock('a', 1)", SqlKind.AdvisoryLock)]
    [TestCase("lock table t in exclusive mode", SqlKind.RowLock)]
    [TestCase("select * from t lock in share mode", SqlKind.RowLock)]
    [TestCase("select 1; savepoint a; set x = 1", SqlKind.Savepoint)]
    public void Statement_is_of_the_kind_that_its_words_tell(string sql, object kind) => Assert.That(SqlClassifier.Classify(sql).Kind, Is.EqualTo(kind));

    [TestCase("select secret from t", "a statement (SELECT)")]
    [TestCase("/* remark */ insert into t values ('secret')", "a statement (INSERT)")]
    [TestCase("with gone as (delete from t where a = 'secret') select 1", "a statement (DELETE)")]
    [TestCase("secret", "a statement")]
    [TestCase("", "a statement")]
    public void Message_names_the_kind_and_never_the_text(string sql, string kind) => Assert.That(SqlClassifier.Classify(sql).Describe(), Is.EqualTo(kind));

    [TestCase("select 1", false)]
    [TestCase("select 1;", false)]
    [TestCase("select 1 ; \n -- done", false)]
    [TestCase("select ';'", false)]
    [TestCase("update t set a = ';'", false)]
    [TestCase("select 1; select 2", true)]
    [TestCase("update t set a = 1; select 2", true)]
    public void Several_statements_are_told_from_one(string sql, bool several) => Assert.That(SqlClassifier.Classify(sql).HasSeveralStatements, Is.EqualTo(several));

    [Test]
    public void Each_statement_of_a_text_counts()
    {
        var verdict = SqlClassifier.Classify("set x = 1; select 1; insert into t values (1)");
        Assert.That(
            Enum.GetValues<SqlKind>().Where(verdict.Has), Is.EqualTo(new[] { SqlKind.Query, SqlKind.SessionSetting, SqlKind.Write }));
    }
}
