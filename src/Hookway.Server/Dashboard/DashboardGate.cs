using System.Collections.Concurrent;
using Hookway.Access.Members;
using Hookway.Access.Sessions;
using Hookway.Api;
using Hookway.Storage;
using Hookway.Ui;
using Microsoft.AspNetCore.Http.Features;

namespace Hookway.Dashboard;

/// <summary>A page of the dashboard, and whether it needs a session.</summary>
public sealed record DashboardPage(bool NeedsSession);

/// <summary>
/// Stands before every page of the dashboard. Without a session it leads to sign-in; a workspace that the viewer does not belong to is not there; a form must come from
/// our own pages: those of a session carry its token, those before it are taken by what the browser says of their origin.
/// </summary>
public sealed class DashboardGate(RequestDelegate next, SessionCaller sessions, SessionStore store, PublicAddress address, TimeProvider clock)
{
    private const int MostNoted = 10_000;
    private static readonly TimeSpan UseIsNotedEvery = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<string, DateTimeOffset> _lastNoted = new(StringComparer.Ordinal);

    public async Task InvokeAsync(HttpContext http)
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<DashboardPage>() is { } page)
        {
            if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            {
                limit.MaxRequestBodySize = FormState.MostBytes;
            }
            if (await (page.NeedsSession ? SignedIn(http) : Open(http)) is { } refusal)
            {
                await refusal.ExecuteAsync(http);
                return;
            }
        }
        await next(http);
    }

    private ValueTask<IResult?> Open(HttpContext http) => ValueTask.FromResult(HttpMethods.IsPost(http.Request.Method) && IsFromElsewhere(http.Request)
        ? ProblemPages.Show(http, Problem.Of(StatusCodes.Status403Forbidden, "foreign_form", "This form was sent from another site."))
        : null);

    private async ValueTask<IResult?> SignedIn(HttpContext http)
    {
        var isRead = HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method);
        if (await sessions.SessionOf(http.Request) is not { } session)
        {
            return new SeeOtherResult(isRead ? "/sign-in?return=" + Uri.EscapeDataString(http.Request.Path + http.Request.QueryString) : "/sign-in");
        }
        Membership? membership = null;
        if (http.Request.RouteValues.TryGetValue("workspaceId", out var workspaceId) && (membership = session.In(workspaceId as string)) is null)
        {
            return ProblemPages.Show(http, Problem.Of(StatusCodes.Status404NotFound, "not_found", "There is no such workspace, or you do not belong to it."));
        }
        var context = DashboardContext.Of(http, session, membership);
        http.Features.Set(context);
        http.Features.Set<FaceContext>(context);
        if (!isRead && !Session.IsAntiforgery(SessionCookie.Of(http.Request)!, (await FormState.Read(http.Request)).ValueOf(FaceContext.FormTokenField)))
        {
            return ProblemPages.Show(http, Problem.BadRequest("antiforgery_required", "The form was not sent from a page of this session. Go back, load the page again and repeat."));
        }
        await NoteUse(session);
        return null;
    }

    private async Task NoteUse(Session session)
    {
        var now = clock.GetUtcNow();
        if (now - session.LastSeenAt < UseIsNotedEvery || now - _lastNoted.GetValueOrDefault(session.SessionId, DateTimeOffset.MinValue) < UseIsNotedEvery)
        {
            return;
        }
        if (_lastNoted.Count >= MostNoted)
        {
            _lastNoted.Clear();
        }
        _lastNoted[session.SessionId] = now;
        try
        {
            await store.MarkSeen(session.SessionId, now);
        }
        catch (StorageUnavailableException)
        {
            // Whoever has something to write hears of it.
        }
    }

    /// <summary>
    /// Every browser says where a form was sent from: with Sec-Fetch-Site to places that it trusts, with Origin to others, such as an address in an office's network over plain http.
    /// There it is hidden from pages whose referrer policy is no-referrer, which is why ours have another one (see <see cref="PageHeaders"/>).
    /// </summary>
    private bool IsFromElsewhere(HttpRequest request) => request.Headers["Sec-Fetch-Site"] is [{ } site]
        ? site is not ("same-origin" or "none")
        : request.Headers.Origin is [{ } origin]
            && !(Uri.TryCreate(origin, UriKind.Absolute, out var from) && (IsAt(from, $"{from.Scheme}://{request.Host}") || (address.Configured is { } known && IsAt(from, known))));

    private static bool IsAt(Uri from, string place) => Uri.TryCreate(place, UriKind.Absolute, out var at) && from.Authority.Equals(at.Authority, StringComparison.OrdinalIgnoreCase);
}
