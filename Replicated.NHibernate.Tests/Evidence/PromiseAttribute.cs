namespace Replicated.NHibernate.Tests.Evidence;

/// <summary>This test, or every test of this fixture, fails when that promise of the mission breaks; docs/evidence.md lists it there.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method, AllowMultiple = true)]
internal sealed class PromiseAttribute(int number) : PropertyAttribute(PropertyName, number)
{
    public const string PropertyName = "Promise";

    public int Number { get; } = number;
}
