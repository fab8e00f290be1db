using System.Collections.Concurrent;
using System.Data.Common;
using NHibernate.Driver;
using Npgsql;
using Replicated.NHibernate.Tests.Support.Profiling;

namespace Replicated.NHibernate.Tests.Sessions;

/// <summary>NHibernate's driver over a profiler's connections, as MiniProfiler's and its kin are.</summary>
internal sealed class ProfiledDriver : NpgsqlDriver
{
    /// <summary>What went through its connections.</summary>
    public static ConcurrentQueue<string> Executed { get; } = new();

    public override bool CanCreateBatch => false;

    public override DbConnection CreateConnection() => new ProfiledConnection(new NpgsqlConnection(), batches: true, lazy: false, Executed);

    public override DbCommand CreateCommand() => new ProfiledCommand(new NpgsqlCommand(), connection: null);
}
