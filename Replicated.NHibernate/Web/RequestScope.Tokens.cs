using Replicated.NHibernate.Consistency;
using Replicated.NHibernate.Scopes;

namespace Replicated.NHibernate.Web;

/// <summary>The tokens of the request's client.</summary>
internal sealed partial class RequestScope
{
    /// <summary>What the client sent, by header or cookie. Looked for only by who reads from a slave or has written.</summary>
    public TokenSet Tokens =>
        _ended is not null || _shared.Services.Tokens.IsOff || !_shared.Services.HasSlaves || !ClientTokens.IsSent(_context, ReadYourWrites) ? default
        : ClientTokens.Of(_context, _shared.Services).Received();

    private ReadYourWritesOptions ReadYourWrites => _shared.Services.Settings.Value.Options.ReadYourWrites;

    /// <summary>The answer carries it, also where an error page takes the answer's place: what is committed is committed.</summary>
    public void PublishToken(ConsistencyToken token, TokenOf source)
    {
        if (_ended is null)
        {
            ClientTokens.Of(_context, _shared.Services).PublishToken(token, isCommit: source == TokenOf.Commit);
        }
    }
}
