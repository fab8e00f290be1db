using System.Collections.Concurrent;
using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.Repositories;

namespace Replicated.NHibernate.Sample.Hosting;

/// <summary>The keys of the forms live as long as the process: nothing of it is to stay behind, in the user's home neither.</summary>
internal sealed class KeysInMemory : IXmlRepository
{
    private readonly ConcurrentBag<XElement> _keys = [];

    public IReadOnlyCollection<XElement> GetAllElements() => _keys;

    public void StoreElement(XElement element, string friendlyName) => _keys.Add(element);
}
