using NHibernate.Cfg;
using NHibernate.Event;

namespace Replicated.NHibernate.Sessions;

/// <summary>
/// A second configuration over the mappings that a first one has compiled, which takes longer than building a factory from them. Building only reads
/// them; what belongs to one factory, such as properties and listeners, is each configuration's own.
/// </summary>
internal static class MappingSharing
{
    /// <summary>
    /// Whether a second configuration would be as good as another call of whoever made the first: not where somebody derived from the class, and not
    /// where a listener is told of its factory's beginning or end.
    /// </summary>
    public static bool Allows(Configuration configuration) =>
        configuration.GetType() == typeof(Configuration)
        && !Lists(configuration.EventListeners).SelectMany(l => (object[])l.Value).Any(l => l is IInitializable or IDestructible or IDisposable);

    /// <summary>
    /// Whether both can be built at the same time. NHibernate writes the conditions of filters into the mappings whenever it builds.
    /// </summary>
    public static bool AllowSideBySide(Configuration configuration) => configuration.FilterDefinitions.Count == 0;

    /// <summary>The second configuration. It has no tables, so schema tools find nothing to do in it.</summary>
    public static Configuration Of(Configuration first)
    {
        first.BuildMappings();
        var second = new Configuration
        {
            Properties = new Dictionary<string, string>(first.Properties),
            Interceptor = first.Interceptor,
            EntityNotFoundDelegate = first.EntityNotFoundDelegate,
        };
        second.SetNamingStrategy(first.NamingStrategy);
        var mappings = second.CreateMappings();
        foreach (var entity in first.ClassMappings)
        {
            mappings.AddClass(entity);
        }

        foreach (var collection in first.CollectionMappings)
        {
            mappings.AddCollection(collection);
        }

        Copy(first.Imports, second.Imports);
        Copy(first.NamedQueries, second.NamedQueries);
        Copy(first.NamedSQLQueries, second.NamedSQLQueries);
        Copy(first.SqlResultSetMappings, second.SqlResultSetMappings);
        Copy(first.FilterDefinitions, second.FilterDefinitions);
        Copy(first.SqlFunctions, second.SqlFunctions);
        foreach (var (property, listeners) in Lists(first.EventListeners))
        {
            property.SetValue(second.EventListeners, listeners.Clone());
        }

        return second;
    }

    private static void Copy<T>(IDictionary<string, T> from, IDictionary<string, T> to)
    {
        foreach (var (name, value) in from)
        {
            to.Add(name, value);
        }
    }

    private static IEnumerable<(System.Reflection.PropertyInfo Property, Array Value)> Lists(EventListeners listeners) =>
        from property in typeof(EventListeners).GetProperties()
        where property.CanWrite && property.PropertyType.IsArray
        select (property, (Array)property.GetValue(listeners)!);
}
