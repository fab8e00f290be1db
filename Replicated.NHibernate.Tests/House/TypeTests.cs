using System.Runtime.CompilerServices;

namespace Replicated.NHibernate.Tests.House;

/// <summary>Which types others may derive from, and where types stand.</summary>
internal sealed class TypeTests
{
    /// <summary>Neither sealed nor abstract, each for a reason that stands beside it.</summary>
    private static readonly string[] Open = [];

    private static IEnumerable<Type> Written =>
        LibraryAssembly.Value.GetTypes().Where(type => !type.IsDefined(typeof(CompilerGeneratedAttribute), inherit: false) && !type.Name.Contains('<'));

    [Test]
    public void Every_class_is_sealed_or_abstract_or_static_unless_listed() =>
        Assert.That(Written.Where(type => type is { IsClass: true, IsSealed: false, IsAbstract: false }).Select(type => type.FullName), Is.EquivalentTo(Open));

    [Test]
    public void Public_types_stand_in_the_one_namespace_that_a_user_imports() =>
        Assert.That(Written.Where(type => type is { IsPublic: true, Namespace: not "Replicated.NHibernate" }), Is.Empty);
}
