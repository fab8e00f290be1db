using Microsoft.AspNetCore.Http;

namespace Replicated.NHibernate.Web;

/// <summary>How the mark travels: by cookie, and by header for clients without cookies.</summary>
internal sealed partial class RequestScope
{
    private Mark? _carried;
    private bool _answersMark;
    private bool _hasCookie;

    /// <summary>What the client sent, by header or cookie. Looked for only by who reads from a slave or has written.</summary>
    public Mark? Mark
    {
        get
        {
            var (marks, options) = (_shared.Services.Marks, AfterWrite);
            if (_ended is not null || marks.IsOff || !_shared.Services.HasSlaves)
            {
                return null;
            }

            var mark = _context.Request.Headers.TryGetValue(options.Header, out var sent) ? marks.Accept(sent.ToString()) : null;
            // The parsed cookies are a feature of the request's that most reads do without.
            if (_context.Request.Headers.Cookie.Count > 0 && _context.Request.Cookies.TryGetValue(options.Cookie.Name!, out var cookie))
            {
                _hasCookie = true;
                AnswerMark();
                mark = NHibernate.Mark.Later(mark, marks.Accept(cookie));
            }

            return mark;
        }
    }

    private AfterWriteOptions AfterWrite => _shared.Services.Settings.Value.Options.AfterWrite;

    /// <summary>The answer carries it, also where an error page takes the answer's place: what is committed is committed.</summary>
    public void Carry(Mark mark)
    {
        _carried = NHibernate.Mark.Later(_carried, mark);
        if (_ended is null)
        {
            AnswerMark();
        }
    }

    private void AnswerMark()
    {
        // Only writes without a transaction can come after the first byte; their mark is for who asks IReplicatedSessions.
        if (!_answersMark && !_context.Response.HasStarted)
        {
            _answersMark = true;
            _context.Response.OnStarting(static state => ((RequestScope)state).SetMark(), this);
        }
    }

    private Task SetMark()
    {
        var (cookie, response) = (AfterWrite.Cookie, _context.Response);
        // A request that was executed again may have written both times, and the second time is answered first.
        if (NHibernate.Mark.Later(_carried, NHibernate.Mark.TryParse(response.Headers[AfterWrite.Header].ToString(), out var told) ? told : null) is { } mark)
        {
            var options = cookie.Build(_context);
            options.MaxAge = AfterWrite.MaxAge;
            response.Cookies.Append(cookie.Name!, mark.ToString(), options);
            response.Headers[AfterWrite.Header] = mark.ToString();
        }
        else if (_hasCookie && (Scope.Mark is not { } sent || _shared.Services.Marks.IsPassed(sent)))
        {
            response.Cookies.Delete(cookie.Name!, cookie.Build(_context));
        }

        return Task.CompletedTask;
    }
}
