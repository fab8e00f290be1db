using FluentNHibernate.Cfg;
using FluentNHibernate.Cfg.Db;
using FluentNHibernate.Mapping;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using NHibernate;
using Npgsql;

namespace Replicated.NHibernate.Tests.Sessions.Hooks;

/// <summary>Whose request it is; nobody's where there is no name.</summary>
internal sealed class Tenant : IDisposable
{
    public string? Name { get; set; }

    public bool IsDisposed { get; private set; }

    public void Dispose() => IsDisposed = true;
}

public class Room
{
    public virtual int Id { get; set; }

    public virtual string Tenant { get; set; } = "";

    public virtual string Name { get; set; } = "";
}

internal sealed class TenantFilter : FilterDefinition
{
    public TenantFilter() => WithName("tenant").WithCondition("tenant = :name").AddParameter("name", NHibernateUtil.String);
}

internal sealed class RoomMap : ClassMap<Room>
{
    public RoomMap()
    {
        Table("room");
        Id(x => x.Id).GeneratedBy.HiLo("room_hilo", "next_hi", "0");
        Map(x => x.Tenant);
        Map(x => x.Name);
        ApplyFilter<TenantFilter>();
    }
}

/// <summary>Rooms of two tenants, three ways: by a filter, by row-level security, and by a schema for each.</summary>
internal static class Tenants
{
    public const string Schema =
        """
        create role tenant_user;
        create table room (id int primary key, tenant text not null, name text not null);
        create table room_hilo (next_hi int not null);
        insert into room_hilo values (100);
        insert into room values (1, 'a', 'attic'), (2, 'a', 'alcove'), (3, 'b', 'bath');
        grant select, insert, update, delete on room to tenant_user;
        grant select, update on room_hilo to tenant_user;
        alter table room enable row level security;
        create policy own on room using (tenant = current_setting('app.tenant'));
        create schema tenant_a;
        create schema tenant_b;
        create table tenant_a.room as select * from room where tenant = 'a';
        create table tenant_b.room as select * from room where tenant = 'b';
        create table tenant_a.room_hilo as select 1000 as next_hi;
        create table tenant_b.room_hilo as select 2000 as next_hi;
        """;

    public static global::NHibernate.Cfg.Configuration Configure() => Fluently.Configure()
        .Database(PostgreSQLConfiguration.PostgreSQL82.Dialect<global::NHibernate.Dialect.PostgreSQL83Dialect>())
        .Mappings(m =>
        {
            m.FluentMappings.Add<TenantFilter>();
            m.FluentMappings.Add<RoomMap>();
        })
        .BuildConfiguration();

    /// <summary>One connection to each server, for everybody.</summary>
    public static Dictionary<string, string?> PoolsOfOne(bool noReset = false, int slaves = 1)
    {
        string Of(string connectionString) => new NpgsqlConnectionStringBuilder(connectionString)
        {
            MaxPoolSize = 1,
            NoResetOnClose = noReset,
            ApplicationName = Guid.NewGuid().ToString(),
        }.ConnectionString;
        var settings = new Dictionary<string, string?> { ["ConnectionStrings:Master"] = Of(Database.Master.ConnectionString), ["Replicated:ReadOnlySwitch"] = (!noReset).ToString() };
        // Prepared statements come with a pool of their own, once the servers were asked.
        settings["Replicated:AutoPrepare"] = "false";
        if (slaves > 0)
        {
            settings["ConnectionStrings:Slave"] = Of(Database.Cluster.Slaves[0].ConnectionString);
        }

        return settings;
    }

    public static Task<SessionApp> StartAsync(Dictionary<string, string?> settings, Action<IReplicatedNHibernateBuilder> hooks, int slaves = 1) => SessionApp.StartAsync(
        settings,
        services: services =>
        {
            services.AddScoped<Tenant>();
            hooks(services.AddReplicatedNHibernate(Configure));
        },
        slaves: slaves);

    public static Tenant Tenant(this HttpContext context) => context.RequestServices.GetRequiredService<Tenant>();

    public static string Execute(this System.Data.Common.DbConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar()?.ToString() ?? "";
    }
}

/// <summary>The tables, once.</summary>
[SetUpFixture]
internal sealed class TenantTables
{
    [OneTimeSetUp]
    public static async Task Create()
    {
        await Database.Execute(Tenants.Schema);
        await Database.Cluster.WaitForSlavesAsync();
    }
}
