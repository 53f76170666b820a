using Hookway.Access.Members;
using Hookway.Api;
using Hookway.Storage;

namespace Hookway.Access.Sessions;

/// <summary>Makes a caller of a signed-in browser: the session of its cookie, in the workspace that the request names, with the scopes of the member's role.</summary>
public sealed class SessionCaller(SessionStore sessions, WorkspaceStore workspaces, Configuration configuration, TimeProvider clock)
{
    /// <summary>Names the workspace of a session's request.</summary>
    public const string WorkspaceHeader = "Hookway-Workspace";

    /// <summary>Carries <see cref="Session.AntiforgeryOf"/> on writes.</summary>
    public const string AntiforgeryHeader = "Hookway-Antiforgery";

    /// <summary>The session of a request's cookie; null when there is none that may be used. What was revoked elsewhere before this request began is.</summary>
    public async ValueTask<Session?> SessionOf(HttpRequest request)
    {
        if (SessionCookie.Of(request) is not { } token)
        {
            return null;
        }
        await configuration.CatchUp();
        if (await sessions.View(token) is not { } session || !session.IsUsable(clock.GetUtcNow()))
        {
            return null;
        }
        // A workspace's name is no part of the session's view: it may have changed since.
        var memberships = new List<Membership>();
        foreach (var membership in session.Memberships)
        {
            memberships.Add(membership with { Workspace = membership.Workspace with { Name = (await workspaces.View(membership.Workspace.No)).Name } });
        }
        return session with { Memberships = memberships };
    }

    /// <summary>The caller that a cookie makes, or why it makes none.</summary>
    /// <param name="scope">What the route asks for.</param>
    public async ValueTask<(Caller? Caller, Problem? Problem)> Of(HttpContext http, string token, string scope)
    {
        var version = configuration.Version;
        if (await sessions.View(token) is not { } session || !session.IsUsable(clock.GetUtcNow()))
        {
            return (null, Problem.Unauthorized("The session is over: sign in again."));
        }
        if (session.In(http.Request.Headers[WorkspaceHeader]) is not { } membership)
        {
            return (null, Problem.Of(StatusCodes.Status404NotFound, "not_found", $"Name a workspace that you belong to: {WorkspaceHeader}: ws_…"));
        }
        if (!HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method)
            && !Session.IsAntiforgery(token, http.Request.Headers[AntiforgeryHeader]))
        {
            return (null, Problem.Of(StatusCodes.Status403Forbidden, "antiforgery_required", $"A write by a session carries its antiforgery token: {AntiforgeryHeader}."));
        }
        var subject = Session.Subject(AccessLink.HashOf(token));
        var caller = new Caller(
            await workspaces.View(membership.Workspace.No), new SessionCredential(session, membership, subject), Roles.ScopesOf(membership.Role), version, http.TraceIdentifier);
        return caller.Holds(scope)
            ? (caller, null)
            : (null, Problem.Of(StatusCodes.Status403Forbidden, "missing_scope", $"This needs the scope {scope}, which the role {membership.Role} does not have."));
    }
}

/// <summary>What a signed-in member proves themselves with.</summary>
public sealed record SessionCredential(Session Session, Membership Membership, string ViewSubject) : Credential(Session.User.UserId, Session.User.Email, ViewSubject)
{
    public override Task<bool> Stands(WriteSession session, DateTimeOffset now) =>
        SessionStore.IsUsable(session, Session.SessionId, Membership.Workspace.No, Membership.Role, now);
}

/// <summary>The cookie that carries a session: out of reach of scripts, sent by no other site's forms, over https alone where there is https.</summary>
public static class SessionCookie
{
    private const string Name = "hookway_session";

    public static string? Of(HttpRequest request) => request.Cookies[Name] is { Length: > 0 } token ? token : null;

    public static void Set(HttpResponse response, string token, bool secure) => response.Cookies.Append(Name, token, Options(secure, Session.Lifetime));

    public static void Clear(HttpResponse response, bool secure) => response.Cookies.Delete(Name, Options(secure, lifetime: null));

    private static CookieOptions Options(bool secure, TimeSpan? lifetime) =>
        new() { HttpOnly = true, SameSite = SameSiteMode.Lax, Secure = secure, Path = "/", MaxAge = lifetime, IsEssential = true };
}
