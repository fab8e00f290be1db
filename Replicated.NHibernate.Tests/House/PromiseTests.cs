using System.Reflection;
using Replicated.NHibernate.Tests.Evidence;

namespace Replicated.NHibernate.Tests.House;

internal sealed class PromiseTests
{
    [Test]
    public void Every_promise_that_a_test_names_exists()
    {
        var types = typeof(PromiseTests).Assembly.GetTypes();
        IEnumerable<MemberInfo> members = [.. types, .. types.SelectMany(type => type.GetMethods())];
        var named = members.SelectMany(member => member.GetCustomAttributes<PromiseAttribute>(inherit: false)).Select(promise => promise.Number);

        Assert.That(named.Distinct(), Is.SubsetOf(Promises.All.Select(promise => promise.Number)));
    }
}
