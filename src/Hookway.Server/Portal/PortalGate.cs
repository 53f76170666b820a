using Hookway.Access;
using Hookway.Access.Portals;
using Hookway.Api;
using Hookway.Ui;
using Microsoft.AspNetCore.Http.Features;

namespace Hookway.Portal;

/// <summary>A page of the portal.</summary>
public sealed record PortalPage;

/// <summary>Stands before every page of the portal: the token in the path is all that lets one in. There is no cookie, and so nothing that another site could make a browser send.</summary>
public sealed class PortalGate(RequestDelegate next, PortalSessionStore sessions, WorkspaceStore workspaces, TimeProvider clock)
{
    public async Task InvokeAsync(HttpContext http)
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<PortalPage>() is not null && await Refusal(http) is { } refusal)
        {
            await refusal.ExecuteAsync(http);
            return;
        }
        await next(http);
    }

    private async Task<IResult?> Refusal(HttpContext http)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = FormState.MostBytes;
        }
        var token = (string)http.Request.RouteValues["token"]!;
        if (!PortalSession.IsToken(token) || await sessions.FindAppearance(token) is not { } appearance)
        {
            return ProblemPages.Show(http, Problem.Of(StatusCodes.Status404NotFound, "link_unknown", "This link is not known here, or ended a while ago. Open the page again from where you came."));
        }
        var workspace = await workspaces.View(appearance.Session.WorkspaceNo);
        var context = new PortalContext(
            clock.GetUtcNow(), appearance.Theme.Mode, http.Request.Path, http.Request.QueryString.Value ?? "", "/portal/" + token, appearance,
            [.. appearance.Session.Capabilities.Where(workspace.PortalCapabilities.Contains)],
            new PageApi(http, headers => headers.Authorization = "Bearer " + token));
        http.Features.Set(context);
        http.Features.Set<FaceContext>(context);
        // The style sheet is for the page that says so, too.
        return appearance.Session.IsUsable(context.Now) || http.Request.Path.Value!.EndsWith("/theme.css", StringComparison.Ordinal) ? null
            : PageResult.Of<PortalOver>(context, new { IsRevoked = appearance.Session.RevokedAt is not null }, StatusCodes.Status410Gone);
    }
}
