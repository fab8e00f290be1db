using System.Runtime.InteropServices;

namespace Replicated.NHibernate;

/// <summary>
/// A place in a master's log, which a slave has reached or not. Two places compare only in the log that both belong to.
/// </summary>
/// <param name="Log">Which log: PostgreSQL's timeline, MySQL's source, MariaDB's domain and server.</param>
/// <param name="Offset">The place in it: PostgreSQL's LSN, the number of a GTID.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct Position(UInt128 Log, ulong Offset);
