using Replicated.NHibernate.Sessions;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>What a statement's own words tell of it.</summary>
[Promise(12)]
internal sealed class StatementTests
{
    [TestCase("insert into t values (1)", "insert")]
    [TestCase("  \r\n\tUPDATE t SET a = 1", "UPDATE")]
    [TestCase("delete from t", "delete")]
    [TestCase("merge into t using s on true when matched then delete", "merge")]
    [TestCase("truncate t", "truncate")]
    [TestCase("create temporary table t (a int)", "create")]
    [TestCase("drop table t", "drop")]
    [TestCase("alter table t add b int", "alter")]
    [TestCase("replace into t values (1)", "replace")]
    [TestCase("/* criteria query */ insert into t values (1)", "insert")]
    [TestCase("/* one *//* two */ -- three\n update t set a = 1", "update")]
    [TestCase("-- only a remark\ndelete from t", "delete")]
    [TestCase("update\tt set a = 1", "update")]
    [TestCase("with gone as (delete from t returning a) select a from gone", "delete")]
    [TestCase("with s as (select 1) insert into t select * from s", "insert")]
    [TestCase("select 1; update t set a = 1", "update")]
    [TestCase("do $$ begin delete from t; end $$", "do")]
    [TestCase("copy t from '/dev/null'", "copy")]
    [TestCase("grant select on t to somebody", "grant")]
    [TestCase("refresh materialized view t", "refresh")]
    [TestCase("select 1; vacuum t", "vacuum")]
    [TestCase("reindex table t", "reindex")]
    [TestCase("comment on table t is 'select'", "comment")]
    public void Writes(string sql, string word) => Assert.That(Statement.WritingWord(sql).ToString(), Is.EqualTo(word));

    [TestCase("select * from t")]
    [TestCase("select a, 'insert into t' from t")]
    [TestCase("/* update t */ select 1")]
    [TestCase("-- delete from t\nselect 1")]
    [TestCase("/* never ends: update t set a = 1")]
    [TestCase("-- never ends: update t set a = 1")]
    [TestCase("with s as (select 1) select * from s")]
    [TestCase("with s as (select ') insert into t' as a) select * from s")]
    [TestCase("select 'a;b'")]
    [TestCase("select '; update t set a = 1'")]
    [TestCase("select $$; update t set a = 1$$")]
    [TestCase("select \"update\" from t")]
    [TestCase("inserted")]
    [TestCase("update_statistics()")]
    [TestCase("show server_version")]
    [TestCase("")]
    [TestCase(";")]
    public void Only_reads(string sql) => Assert.That(Statement.WritingWord(sql).ToString(), Is.Empty);

    [TestCase("select secret from t", "a statement (SELECT)")]
    [TestCase("/* remark */ insert into t values ('secret')", "a statement (INSERT)")]
    [TestCase("with gone as (delete from t where a = 'secret') select 1", "a statement (DELETE)")]
    [TestCase("", "a statement")]
    [TestCase("(select 'secret')", "a statement")]
    public void A_message_names_the_kind_and_never_the_text(string sql, string kind) => Assert.That(Statement.KindOf(sql), Is.EqualTo(kind));

    [TestCase("select 1", false)]
    [TestCase("select 1;", false)]
    [TestCase("select 1 ; \n", false)]
    [TestCase("select 1; select 2", true)]
    public void Several_statements_are_told_from_one(string sql, bool several) => Assert.That(Statement.HasSeveral(sql), Is.EqualTo(several));
}
