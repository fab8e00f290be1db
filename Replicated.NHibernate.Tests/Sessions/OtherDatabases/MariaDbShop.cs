using FluentNHibernate.Cfg.Db;
using MySqlConnector;
using Replicated.NHibernate.Tests.Support.MariaDb;

namespace Replicated.NHibernate.Tests.Sessions.OtherDatabases;

/// <summary>On the master, which takes writes, under the user of an application.</summary>
internal sealed class MariaDbShop : OtherDatabase
{
    private const string Name = "shop";

    private const string Schema =
        $"""
        create database {Name};
        grant all on {Name}.* to app@'%';
        use {Name};
        create table note (id char(36) primary key, name varchar(200) not null);
        create table counter (id int auto_increment primary key, name varchar(200) not null);
        create table hilo (next_hi int not null);
        insert into hilo values (1);
        create table coupon (id int primary key, name varchar(200) not null);
        create table invoice (id char(36) primary key, version int not null default 1, name varchar(200) not null);
        create table invoice_line (id char(36) primary key, invoice_id char(36) references invoice (id), name varchar(200) not null);
        create table invoice_label (invoice_id char(36) not null references invoice (id), label varchar(200) not null, primary key (invoice_id, label));
        create table setting (id char(36) primary key, name varchar(200) not null);
        create table animal (id char(36) primary key, name varchar(200) not null);
        create table dog (animal_id char(36) primary key references animal (id), breed varchar(200) not null);
        create table voucher (id bigint primary key, name varchar(200) not null);
        create table hibernate_sequences (sequence_name varchar(200) primary key, next_val bigint not null);
        create function touch(k char(36)) returns int modifies sql data begin update invoice set name = 'touched' where id = k; return 1; end;
        create procedure settle(k char(36)) update invoice set name = 'touched' where id = k;
        """;

    public MariaDbShop() => Master.Execute(Schema).GetAwaiter().GetResult();

    public override string ConnectionString => new MySqlConnectionStringBuilder(Master.ConnectionString) { Database = Name }.ConnectionString;

    protected override IPersistenceConfigurer Persistence => MySQLConfiguration.Standard.Driver<MySqlConnectorDriver>();

    private static MariaDbNode Master => SharedMariaDb.Cluster.Master;

    public override Task Execute(string sql) => Master.Execute(sql, Name);

    public override async Task<HashSet<string>> Everything()
    {
        await using var connection = new MySqlConnection(ConnectionString);
        await connection.OpenAsync();
        var all = new HashSet<string>(StringComparer.Ordinal);
        foreach (var table in await Rows($"select table_name from information_schema.tables where table_schema = '{Name}'"))
        {
            all.Add($"table {table}");
            all.UnionWith((await Rows($"select * from `{table}`")).Select(row => $"{table}: {row}"));
        }

        // Every write of any kind has a number in the binary log.
        all.UnionWith(await Rows("select @@global.gtid_binlog_pos"));
        return all;

        async Task<List<string>> Rows(string sql)
        {
            await using var command = new MySqlCommand(sql, connection);
            await using var reader = await command.ExecuteReaderAsync();
            var rows = new List<string>();
            while (await reader.ReadAsync())
            {
                rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => reader.GetValue(i))));
            }

            return rows;
        }
    }

    public override async ValueTask DisposeAsync() => await Master.Execute($"drop database {Name}");
}
