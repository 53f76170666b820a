using System.Reflection;
using System.Text;
using Hookway.Access.Members;
using Hookway.Access.Sessions;
using Hookway.Api;
using Hookway.Ui;

namespace Hookway.Dashboard;

/// <summary>What the pages of the dashboard know of their request: who looks, in which workspace, and how to call the API as them.</summary>
/// <param name="Membership">The workspace of the page and what its viewer is there; null on pages that belong to none.</param>
public sealed record DashboardContext(
    DateTimeOffset Now, string FormToken, string Theme, string Path, string Query, string PublicUrl, Session Session, Membership? Membership, PageApi Api)
    : FaceContext(Now, FormToken, Theme, Path, Query, [], MayBeFramed: false)
{
    public string WorkspaceId => Membership!.Workspace.WorkspaceId;

    /// <summary>Where the workspace's pages are.</summary>
    public string Base => "/w/" + WorkspaceId;

    /// <summary>Whether the viewer may do what needs this scope; pages show no button for the rest.</summary>
    public bool May(string scope) =>
        Membership is not null && Roles.ScopesOf(Membership.Role) is var scopes && (scopes.Contains(scope) || scopes.Contains(Access.Scopes.Everything));

    public string AppUrl(string appId, params ReadOnlySpan<string> parts)
    {
        var url = new StringBuilder(Base).Append("/apps/").Append(Uri.EscapeDataString(appId));
        foreach (var part in parts)
        {
            url.Append('/').Append(Uri.EscapeDataString(part));
        }
        return url.ToString();
    }

    public string MessageUrl(string appId, string messageId) => AppUrl(appId, "messages", messageId);

    public string EndpointUrl(string appId, string endpointId) => AppUrl(appId, "endpoints", endpointId);

    public string SourceUrl(string sourceId) => $"{Base}/ingest/sources/{Uri.EscapeDataString(sourceId)}";

    public string DestinationUrl(string destinationId) => $"{Base}/ingest/destinations/{Uri.EscapeDataString(destinationId)}";

    public string EventUrl(string eventId) => $"{Base}/ingest/events/{Uri.EscapeDataString(eventId)}";

    public string RecipientUrl(string appId, string recipient) => AppUrl(appId, "recipients", recipient);

    /// <summary>The page for what the API refused.</summary>
    public IResult Failed(Problem problem) => PageResult.Of<ProblemPage>(this, new { Problem = problem, problem.RequestId }, problem.Status);

    public static DashboardContext Of(HttpContext http, Session session, Membership? membership)
    {
        var token = SessionCookie.Of(http.Request)!;
        var antiforgery = Session.AntiforgeryOf(token);
        return new DashboardContext(
            http.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow(), antiforgery, ThemeOf(http.Request), http.Request.Path, http.Request.QueryString.Value ?? "",
            http.RequestServices.GetRequiredService<PublicAddress>().Of(http.Request), session, membership,
            new PageApi(http, headers =>
            {
                headers.Cookie = http.Request.Headers.Cookie;
                headers[SessionCaller.WorkspaceHeader] = membership?.Workspace.WorkspaceId;
                headers[SessionCaller.AntiforgeryHeader] = antiforgery;
            }));
    }

    public static ValueTask<DashboardContext?> BindAsync(HttpContext http, ParameterInfo _) => ValueTask.FromResult(http.Features.Get<DashboardContext>());
}
