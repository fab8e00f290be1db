extern alias wire;

using System.Data.Common;
using NHibernate.Driver;

namespace Replicated.NHibernate.Benchmarks;

/// <summary>NHibernate's own driver for PostgreSQL, on the provider that answers from memory.</summary>
public sealed class MemoryDriver : NpgsqlDriver
{
    public override DbConnection CreateConnection() => new wire::Npgsql.NpgsqlConnection();

    public override DbCommand CreateCommand() => new wire::Npgsql.MemoryCommand();
}
