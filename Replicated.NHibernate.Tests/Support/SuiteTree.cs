using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace Replicated.NHibernate.Tests.Support;

/// <summary>The tests of this assembly as NUnit built them, cases of parameterised tests and fixtures included.</summary>
internal static class SuiteTree
{
    public static ITest Root
    {
        get
        {
            ITest test = TestExecutionContext.CurrentContext.CurrentTest;
            while (test.Parent is not null)
            {
                test = test.Parent;
            }

            return test;
        }
    }

    /// <summary>False where the runner built a part of the suite only, as NUnit.PreFilter does.</summary>
    public static bool IsWhole
    {
        get
        {
            var built = Leaves(Root).Select(test => test.TypeInfo?.Type).ToHashSet();
            return typeof(SuiteTree).Assembly.GetTypes().Where(IsFixture).All(built.Contains);
        }
    }

    public static IEnumerable<ITest> Leaves(ITest test) =>
        test.HasChildren ? test.Tests.SelectMany(Leaves) : test.IsSuite ? [] : [test];

    private static bool IsFixture(Type type) =>
        type is { IsClass: true, IsAbstract: false }
        && type.GetMethods().Any(method => method.IsDefined(typeof(TestAttribute), inherit: true) || method.IsDefined(typeof(TestCaseAttribute), inherit: true));
}
