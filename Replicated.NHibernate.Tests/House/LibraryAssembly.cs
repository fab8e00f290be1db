using System.Reflection;

namespace Replicated.NHibernate.Tests.House;

internal static class LibraryAssembly
{
    public static Assembly Value { get; } = Assembly.Load("Replicated.NHibernate");
}
