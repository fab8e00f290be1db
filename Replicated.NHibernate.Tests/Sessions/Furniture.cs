using System.Data.Common;
using NHibernate.Engine;
using NHibernate.SqlTypes;
using NHibernate.UserTypes;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>Classes without collections: a version and a user type, a component, a reference.</summary>
internal static class Furniture
{
    public const string Mapping =
        """
        <?xml version="1.0" encoding="utf-8"?>
        <hibernate-mapping xmlns="urn:nhibernate-mapping-2.2" assembly="Replicated.NHibernate.Tests" namespace="Replicated.NHibernate.Tests.Sessions">
          <class name="Bed" table="invoice">
            <id name="Id"><generator class="assigned" /></id>
            <version name="Version" />
            <property name="Words" column="name" type="Replicated.NHibernate.Tests.Sessions.WordsType, Replicated.NHibernate.Tests" />
          </class>
          <class name="Seat" table="`user`">
            <id name="Id"><generator class="assigned" /></id>
            <component name="Tag" class="Tag"><property name="Name" /><property name="Order" column="`order`" /></component>
          </class>
          <class name="Leaf" table="invoice_line">
            <id name="Id"><generator class="assigned" /></id>
            <many-to-one name="Bed" column="invoice_id" />
          </class>
        </hibernate-mapping>
        """;
}

public class Bed
{
    public virtual Guid Id { get; set; }

    public virtual int Version { get; set; }

    public virtual IList<string> Words { get; set; } = [];
}

public class Seat
{
    public virtual Guid Id { get; set; }

    public virtual Tag Tag { get; set; } = new();
}

public class Tag
{
    public virtual string Name { get; set; } = "";

    public virtual int Order { get; set; }
}

public class Leaf
{
    public virtual Guid Id { get; set; }

    public virtual Bed? Bed { get; set; }
}

/// <summary>A list of words in one column, which can be changed without being replaced.</summary>
public sealed class WordsType : IUserType
{
    public SqlType[] SqlTypes => [SqlTypeFactory.GetString(200)];

    public Type ReturnedType => typeof(IList<string>);

    public bool IsMutable => true;

    public new bool Equals(object? x, object? y) => x is IList<string> a && y is IList<string> b ? a.SequenceEqual(b, StringComparer.Ordinal) : x == y;

    public int GetHashCode(object x) => 0;

    public object? NullSafeGet(DbDataReader rs, string[] names, ISessionImplementor session, object owner) =>
        rs[names[0]] is string words ? words.Split(' ').ToList() : null;

    public void NullSafeSet(DbCommand cmd, object? value, int index, ISessionImplementor session) =>
        cmd.Parameters[index].Value = value is IList<string> words ? string.Join(' ', words) : DBNull.Value;

    public object? DeepCopy(object? value) => value is IList<string> words ? words.ToList() : null;

    public object Replace(object original, object target, object owner) => original;

    public object Assemble(object cached, object owner) => cached;

    public object Disassemble(object value) => value;
}
