using FluentNHibernate.Cfg.Db;
using Replicated.NHibernate.Tests.Databases.Sqlite;

namespace Replicated.NHibernate.Tests.Sessions.OtherDatabases;

internal sealed class SqliteShop : OtherDatabase
{
    // The provider writes ids in capitals.
    private const string Id = "text collate nocase";

    private const string Schema =
        $"""
        create table note (id {Id} primary key, name text not null);
        create table counter (id integer primary key, name text not null);
        create table hilo (next_hi int not null);
        insert into hilo values (1);
        create table coupon (id integer primary key, name text not null);
        create table invoice (id {Id} primary key, version int not null default 1, name text not null);
        create table invoice_line (id {Id} primary key, invoice_id {Id} references invoice, name text not null);
        create table invoice_label (invoice_id {Id} not null references invoice, label text not null, primary key (invoice_id, label));
        create table setting (id {Id} primary key, name text not null);
        create table animal (id {Id} primary key, name text not null);
        create table dog (animal_id {Id} primary key references animal, breed text not null);
        create table voucher (id integer primary key, name text not null);
        create table hibernate_sequences (sequence_name text primary key, next_val bigint not null);
        """;

    private readonly SqliteFile _file = SqliteFile.Create(Schema);

    public override string ConnectionString => _file.ConnectionString;

    protected override IPersistenceConfigurer Persistence => SQLiteConfiguration.Standard.Driver<MicrosoftDataSqliteDriver>();

    public SqliteFile File => _file;

    public override Task Execute(string sql)
    {
        _file.Execute(sql);
        return Task.CompletedTask;
    }

    public override Task<HashSet<string>> Everything()
    {
        var all = new HashSet<string>(StringComparer.Ordinal);
        using var connection = _file.Open();
        var tables = Rows("select name from sqlite_master where type = 'table'").ToList();
        all.UnionWith(Rows("select type || name || coalesce(sql, '') from sqlite_master"));
        foreach (var table in tables)
        {
            all.UnionWith(Rows($"select * from \"{table}\"").Select(row => $"{table}: {row}"));
        }

        return Task.FromResult(all);

        IEnumerable<string> Rows(string sql)
        {
            using var command = connection.CreateCommand();
            command.CommandText = sql;
            using var reader = command.ExecuteReader();
            while (reader.Read())
            {
                yield return string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? "" : reader.GetString(i)));
            }
        }
    }

    public override ValueTask DisposeAsync()
    {
        _file.Dispose();
        return ValueTask.CompletedTask;
    }
}
