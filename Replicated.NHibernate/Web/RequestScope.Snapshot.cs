using Microsoft.AspNetCore.Http;

namespace Replicated.NHibernate.Web;

/// <summary>Whether the request asks for one snapshot of what it reads.</summary>
internal sealed partial class RequestScope
{
    private Endpoint? _snapshotOf;
    private bool _wantsSnapshot;

    public bool WantsSnapshot
    {
        get
        {
            if (_ended is not null)
            {
                return false;
            }

            // Asked several times in each request, of the same endpoint.
            var endpoint = _context.GetEndpoint();
            if (!ReferenceEquals(endpoint, _snapshotOf))
            {
                (_snapshotOf, _wantsSnapshot) = (endpoint, endpoint is not null && EndpointSnapshots.Of(endpoint));
            }

            return _wantsSnapshot;
        }
    }
}
