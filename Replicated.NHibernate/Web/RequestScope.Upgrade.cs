using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Replicated.NHibernate.Web;

/// <summary>
/// WebSockets, and CONNECT over HTTP/2: what answers them passes the response body by, so their commit point is the start of the response. A socket may last for
/// days, so the request's scope is over then.
/// </summary>
internal sealed partial class RequestScope
{
    public void CommitBeforeUpgrade()
    {
        if (_context.Features.Get<IHttpUpgradeFeature>()?.IsUpgradableRequest == true || _context.Features.Get<IHttpExtendedConnectFeature>()?.IsExtendedConnect == true)
        {
            _context.Response.OnStarting(static state => ((RequestScope)state).Upgrade(), this);
        }
    }

    private async Task Upgrade()
    {
        var status = _context.Response.StatusCode;
        var accepted = status == StatusCodes.Status101SwitchingProtocols
            || (status < StatusCodes.Status300MultipleChoices && _context.Features.Get<IHttpExtendedConnectFeature>()?.IsExtendedConnect == true);
        if (accepted && _ended is null && !Scope.IsEnded)
        {
            await Complete(status, async: true);
            _isOpen = true;
            await Scope.Leave();
        }
    }
}
