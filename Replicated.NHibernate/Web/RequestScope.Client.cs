using System.Globalization;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Replicated.NHibernate.Nodes.Balancing;

namespace Replicated.NHibernate.Web;

/// <summary>Who reads: for applications that want each client to stay with its slave.</summary>
internal sealed partial class RequestScope
{
    private const string ClientSuffix = "-client";

    /// <inheritdoc />
    public ulong Client
    {
        get
        {
            if (_ended is not null || _shared.Services.Settings.Value.Options.MonotonicReads != MonotonicReadsMode.SameSlave)
            {
                return 0;
            }

            // The user first: several devices of one user see the same slave too.
            return _context.User.Identity is { IsAuthenticated: true, Name: { Length: > 0 } user } ? Rendezvous.HashOf(user) | 1 : ClientOfCookie();
        }
    }

    private ulong ClientOfCookie()
    {
        var cookie = ReadYourWrites.Cookie;
        var name = cookie.Name + ClientSuffix;
        if (_context.Request.Cookies.TryGetValue(name, out var sent) && ulong.TryParse(sent, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var client))
        {
            return client | 1;
        }

        client = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))) | 1;
        if (!_context.Response.HasStarted)
        {
            _context.Response.Cookies.Append(name, client.ToString("x", CultureInfo.InvariantCulture), cookie.Build(_context));
        }

        return client;
    }
}
