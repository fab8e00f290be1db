using FluentNHibernate.Mapping;
using NHibernate.Event;
using Npgsql;
using Environment = NHibernate.Cfg.Environment;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>A database of its own on the writable server, whose every row, sequence and table is compared before and after a path.</summary>
internal sealed class Guarded : IAsyncDisposable
{
    private const string Name = "guarded";

    // Row locks show in xmax, a table that was made in pg_class, a number that was taken in its sequence.
    private const string Schema =
        """
        create sequence stamp_seq;
        create table stamp (id bigint primary key, name text not null);
        create table voucher (id bigint primary key, name text not null);
        create table hibernate_sequences (sequence_name text primary key, next_val bigint not null);
        create procedure settle(key uuid) language sql as $$ update invoice set name = 'touched' where id = key $$;
        create function everything() returns setof text language plpgsql as $$
        declare t text;
        begin
            for t in select quote_ident(relname) from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace loop
                return query execute format('select %L || '' '' || t.xmin || '' '' || t.xmax || '' '' || t::text from %s t', t, t);
            end loop;
            return query select sequencename || ' ' || coalesce(last_value::text, 'untouched') from pg_sequences;
            return query select 'table ' || oid from pg_class where relkind = 'r' and relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace);
            return query select 'large object ' || oid from pg_largeobject_metadata;
        end $$;
        """;

    private readonly NpgsqlConnection _connection;

    private Guarded(NpgsqlConnection connection) => _connection = connection;

    public static string ConnectionString { get; } = new NpgsqlConnectionStringBuilder(Database.Master.ConnectionString) { Database = Name }.ConnectionString;

    public static async Task<Guarded> Create()
    {
        await Database.Execute($"create database {Name}");
        var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        var guarded = new Guarded(connection);
        await guarded.Execute(Shop.Schema);
        await guarded.Execute(Schema);
        return guarded;
    }

    /// <summary>The shop with two more kinds of ids, and a listener that changes what is loaded.</summary>
    public static global::NHibernate.Cfg.Configuration Configure()
    {
        var configuration = Database.Configure().Mappings(m =>
        {
            m.FluentMappings.Add<StampMap>();
            m.FluentMappings.Add<VoucherMap>();
        }).BuildConfiguration();
        configuration.AppendListeners(ListenerType.PostLoad, new IPostLoadEventListener[] { new Listening() });
        return configuration.SetProperty(Environment.GenerateStatistics, "true").SetProperty(Environment.BatchSize, "10");
    }

    public async Task Execute(string sql)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<HashSet<string>> Everything()
    {
        await using var command = new NpgsqlCommand("select everything()", _connection);
        await using var reader = await command.ExecuteReaderAsync();
        var all = new HashSet<string>(StringComparer.Ordinal);
        while (await reader.ReadAsync())
        {
            all.Add(reader.GetString(0));
        }

        return all;
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        await Database.Execute($"drop database {Name} with (force)");
    }
}

public class Stamp
{
    public virtual long Id { get; protected set; }

    public virtual string Name { get; set; } = "";
}

public class Voucher
{
    public virtual long Id { get; protected set; }

    public virtual string Name { get; set; } = "";
}

internal sealed class StampMap : ClassMap<Stamp>
{
    public StampMap()
    {
        Table("stamp");
        Id(x => x.Id).GeneratedBy.Custom("enhanced-sequence", p => p.AddParam("sequence_name", "stamp_seq"));
        Map(x => x.Name);
    }
}

internal sealed class VoucherMap : ClassMap<Voucher>
{
    public VoucherMap()
    {
        Table("voucher");
        Id(x => x.Id).GeneratedBy.Custom("enhanced-table");
        Map(x => x.Name);
    }
}

/// <summary>Changes invoices when they are loaded, where a test asks for it.</summary>
internal sealed class Listening : IPostLoadEventListener
{
    private static readonly AsyncLocal<bool> Changes = new();

    public static void While(Action read)
    {
        Changes.Value = true;
        read();
        Changes.Value = false;
    }

    public static Task While(Action read, Task then)
    {
        While(read);
        return then;
    }

    public void OnPostLoad(PostLoadEvent @event)
    {
        if (Changes.Value && @event.Entity is Invoice invoice)
        {
            invoice.Name = "touched";
        }
    }
}
