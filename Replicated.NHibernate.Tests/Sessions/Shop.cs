using FluentNHibernate.Mapping;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>The tests' domain: every kind of id, of collection and of inheritance through which something can be written.</summary>
internal static class Shop
{
    public const string Schema =
        """
        create table note (id uuid primary key, name text not null);
        create table counter (id serial primary key, name text not null);
        create sequence ticket_seq;
        create table ticket (id bigint primary key, name text not null);
        create table hilo (next_hi int not null);
        insert into hilo values (1);
        create table coupon (id int primary key, name text not null);
        create table invoice (id uuid primary key, version int not null default 1, name text not null);
        create table invoice_line (id uuid primary key, invoice_id uuid references invoice, name text not null);
        create table invoice_label (invoice_id uuid not null references invoice, label text not null, primary key (invoice_id, label));
        create table setting (id uuid primary key, name text not null);
        create table animal (id uuid primary key, name text not null);
        create table dog (animal_id uuid primary key references animal, breed text not null);
        create table "user" (id uuid primary key, name text not null, "order" int not null default 0);
        create table late (id uuid primary key, invoice_id uuid references invoice deferrable initially deferred);
        create function touch(key uuid) returns int language sql as $$ update invoice set name = 'touched' where id = key returning 1 $$;
        """;
}

// NHibernate's proxies derive from them, so they are public and not sealed.
public class Note
{
    public virtual Guid Id { get; protected set; }

    public virtual string Name { get; set; } = "";
}

public class Counter
{
    public virtual int Id { get; protected set; }

    public virtual string Name { get; set; } = "";
}

public class Ticket
{
    public virtual long Id { get; protected set; }

    public virtual string Name { get; set; } = "";
}

public class Coupon
{
    public virtual int Id { get; protected set; }

    public virtual string Name { get; set; } = "";
}

public class Invoice
{
    public virtual Guid Id { get; set; }

    public virtual int Version { get; protected set; }

    public virtual string Name { get; set; } = "";

    public virtual IList<InvoiceLine> Lines { get; protected set; } = [];

    public virtual ISet<string> Labels { get; protected set; } = new HashSet<string>(StringComparer.Ordinal);
}

public class InvoiceLine
{
    public virtual Guid Id { get; protected set; }

    public virtual Invoice Invoice { get; set; } = null!;

    public virtual string Name { get; set; } = "";
}

public class Setting
{
    public virtual Guid Id { get; set; }

    public virtual string Name { get; set; } = "";
}

public class Animal
{
    public virtual Guid Id { get; set; }

    public virtual string Name { get; set; } = "";
}

public class Dog : Animal
{
    public virtual string Breed { get; set; } = "";
}

internal sealed class NoteMap : ClassMap<Note>
{
    public NoteMap()
    {
        Table("note");
        Id(x => x.Id).GeneratedBy.GuidComb();
        Map(x => x.Name);
    }
}

internal sealed class CounterMap : ClassMap<Counter>
{
    public CounterMap()
    {
        Table("counter");
        Id(x => x.Id).GeneratedBy.Identity();
        Map(x => x.Name);
    }
}

internal sealed class TicketMap : ClassMap<Ticket>
{
    public TicketMap()
    {
        Table("ticket");
        Id(x => x.Id).GeneratedBy.Sequence("ticket_seq");
        Map(x => x.Name);
    }
}

internal sealed class CouponMap : ClassMap<Coupon>
{
    public CouponMap()
    {
        Table("coupon");
        // No room in the block: every save asks the table.
        Id(x => x.Id).GeneratedBy.HiLo("hilo", "next_hi", "0");
        Map(x => x.Name);
    }
}

internal sealed class InvoiceMap : ClassMap<Invoice>
{
    public InvoiceMap()
    {
        Table("invoice");
        Id(x => x.Id).GeneratedBy.Assigned();
        Version(x => x.Version).UnsavedValue("0");
        Map(x => x.Name);
        HasMany(x => x.Lines).KeyColumn("invoice_id").Inverse().Cascade.AllDeleteOrphan();
        HasMany(x => x.Labels).Table("invoice_label").KeyColumn("invoice_id").Element("label").AsSet().Cascade.All();
    }
}

internal sealed class InvoiceLineMap : ClassMap<InvoiceLine>
{
    public InvoiceLineMap()
    {
        Table("invoice_line");
        Id(x => x.Id).GeneratedBy.GuidComb();
        References(x => x.Invoice).Column("invoice_id");
        Map(x => x.Name);
    }
}

internal sealed class SettingMap : ClassMap<Setting>
{
    public SettingMap()
    {
        Table("setting");
        Id(x => x.Id).GeneratedBy.Assigned();
        Map(x => x.Name);
        Cache.ReadWrite();
    }
}

internal sealed class AnimalMap : ClassMap<Animal>
{
    public AnimalMap()
    {
        Table("animal");
        Id(x => x.Id).GeneratedBy.Assigned();
        Map(x => x.Name);
    }
}

internal sealed class DogMap : SubclassMap<Dog>
{
    public DogMap()
    {
        Table("dog");
        KeyColumn("animal_id");
        Map(x => x.Breed);
    }
}
