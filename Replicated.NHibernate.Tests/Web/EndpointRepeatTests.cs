using System.Reflection;
using Microsoft.AspNetCore.Http;
using Replicated.NHibernate.Web;

namespace Replicated.NHibernate.Tests.Web;

/// <summary>Where <c>[NoRepeat]</c> may stand.</summary>
internal sealed class EndpointRepeatTests
{
    [TestCase(typeof(Plain), nameof(Plain.Once), false)]
    [TestCase(typeof(Plain), nameof(Plain.Any), true)]
    [TestCase(typeof(Whole), nameof(Whole.Any), false)]
    [TestCase(typeof(Derived), nameof(Derived.Any), false)]
    public void Attribute_counts_on_a_hubs_method_its_class_and_what_that_derives_from(Type hub, string method, bool isAllowed)
    {
        var info = hub.GetMethod(method, BindingFlags.Instance | BindingFlags.Public)!;
        Assert.That(EndpointRepeats.AreAllowed(info, hub, endpoint: null), Is.EqualTo(isAllowed));
    }

    [Test]
    public void Attribute_counts_among_an_endpoints_metadata([Values] bool has)
    {
        var endpoint = new Endpoint(requestDelegate: null, has ? new EndpointMetadataCollection(new NoRepeatAttribute()) : null, "an endpoint");
        Assert.That(EndpointRepeats.AreAllowed(endpoint), Is.EqualTo(!has));
        Assert.That(EndpointRepeats.AreAllowed(typeof(Plain).GetMethod(nameof(Plain.Any))!, typeof(Plain), endpoint), Is.EqualTo(!has));
    }

    private class Plain
    {
        [NoRepeat]
        public virtual void Once()
        {
        }

        public virtual void Any()
        {
        }
    }

    [NoRepeat]
    private class Whole : Plain;

    private sealed class Derived : Whole;
}
