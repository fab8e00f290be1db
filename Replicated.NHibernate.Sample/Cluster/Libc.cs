using System.Runtime.InteropServices;

namespace Replicated.NHibernate.Sample.Cluster;

/// <summary>The two calls that .NET has no API for.</summary>
internal static class Libc
{
    internal const int Interrupt = 2; // postgres: fast shutdown
    internal const int Quit = 3;      // postgres: immediate shutdown

    internal const int Kill = 9;
    internal const int Stop = 19;     // as Linux counts

    private const int RemoveSegment = 0;

    internal static void Signal(int pid, int signal) => _ = kill(pid, signal);

    internal static void RemoveSharedMemory(int segment) => _ = shmctl(segment, RemoveSegment, 0);

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int kill(int pid, int signal);

    [DllImport("libc", EntryPoint = "shmctl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int shmctl(int segment, int command, nint buffer);
}
