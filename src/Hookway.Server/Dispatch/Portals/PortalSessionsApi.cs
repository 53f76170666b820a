using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hookway.Access;
using Hookway.Access.Portals;
using Hookway.Api;
using Hookway.Api.OpenApi;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Recipients;

namespace Hookway.Dispatch.Portals;

/// <summary>The routes of portal sessions.</summary>
public static class PortalSessionsApi
{
    public static void MapPortalSessions(this IEndpointRouteBuilder routes)
    {
        var sessions = routes.MapGroup("/api/v1/apps/{appId}/portal-sessions").WithTags("Portal sessions");
        sessions.MapPost("/", Create).Needs(Scopes.RecipientWrite).WithSummary("Open a portal session")
            .WithDescription(
                "The answer's url is the only authority: whoever has it is the recipient until it expires. It opens the portal, also in an iframe; its token is a bearer token for the routes that say so, " +
                "which then show and change nothing but this recipient's. An unknown recipient is created.")
            .Accepts<CreatePortalSession>("application/json").Produces<PortalSessionResource>(StatusCodes.Status201Created);
        sessions.MapDelete("/{portalSessionId}", Revoke).Needs(Scopes.RecipientWrite).WithSummary("Revoke a portal session")
            .WithDescription("At once; revoking it again changes nothing.").Produces<PortalSessionResource>();
    }

    private static async Task<IResult> Create(string appId, HttpContext http, Caller caller, AppStore apps, PortalSessionStore store, PublicAddress address, TimeProvider clock)
    {
        if (await apps.View(caller, appId) is not { App: { ArchivedAt: null } app })
        {
            return Problem.NotFound("app");
        }
        var (input, problem) = await JsonInput.Read<CreatePortalSession>(http);
        if (input is null)
        {
            return problem!;
        }
        var errors = new FieldErrors();
        if (!Recipient.IsId(input.Recipient))
        {
            errors.Add("recipient", "is required; it " + Recipient.IdForm);
        }
        if (input.RecipientName?.Length > Recipient.MostNameCharacters)
        {
            errors.Add("recipientName", Recipient.NameForm);
        }
        PortalSession.Check(input.ExpiresInSeconds, input.ReturnUrl, errors);
        var theme = PortalTheme.From(input.Theme, errors);
        var capabilities = Capabilities.Granted(input.Capabilities, caller.Workspace.PortalCapabilities, errors);
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        var lifetime = TimeSpan.FromSeconds(input.ExpiresInSeconds ?? PortalSession.DefaultSeconds);
        var (session, token) = await store.Create(
            caller.WorkspaceNo, caller.Actor, new NewPortalSession(appId, input.Recipient!, capabilities, theme, input.ReturnUrl, lifetime),
            async (writer, touched) =>
            {
                touched.Add(Recipient.Subject(app.No, input.Recipient!));
                await RecipientStore.Ensure(writer, [(app.No, input.Recipient!, input.RecipientName)], clock.GetUtcNow());
            });
        return TypedResults.Created(
            $"/api/v1/apps/{appId}/portal-sessions/{session.PortalSessionId}", PortalSessionResource.Of(session, address.Of(http.Request) + PortalSession.PathOf(token)));
    }

    private static async Task<IResult> Revoke(string appId, string portalSessionId, Caller caller, AppStore apps, PortalSessionStore store) =>
        await apps.View(caller, appId) is { App.ArchivedAt: null } && await store.Revoke(caller.WorkspaceNo, caller.Actor, appId, portalSessionId) is { } revoked
            ? TypedResults.Ok(PortalSessionResource.Of(revoked, url: null))
            : Problem.NotFound("portal session");
}

/// <summary>The body of "open a portal session".</summary>
/// <param name="Recipient">Required; made when it is unknown.</param>
/// <param name="RecipientName">Sets the recipient's name.</param>
/// <param name="ReturnUrl">Shown as a back link; http or https.</param>
/// <param name="Theme"><c>light</c>, <c>dark</c> or <c>auto</c>, or an object of <c>mode</c>, <c>primaryColor</c> (#rrggbb), <c>logoUrl</c> (data:image/png, jpeg or webp, at most 64 KiB) and <c>fontFamily</c> (installed fonts).</param>
/// <param name="Capabilities">What the session may do; absent: all that the workspace lets portal sessions do.</param>
/// <param name="ExpiresInSeconds">60 to 604800, default 3600.</param>
public sealed record CreatePortalSession(
    [property: Required] string? Recipient, string? RecipientName, string? ReturnUrl, JsonElement? Theme, IReadOnlyList<string?>? Capabilities, int? ExpiresInSeconds) : IRequestBody;

/// <summary>A portal session, as the API shows it.</summary>
/// <param name="Url">Shown once, to whoever opened the session.</param>
/// <param name="RevokedAt">Shown when it was revoked.</param>
public sealed record PortalSessionResource(
    string PortalSessionId, string Recipient, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Url, DateTimeOffset ExpiresAt,
    IReadOnlyList<string> Capabilities, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DateTimeOffset? RevokedAt)
{
    public static PortalSessionResource Of(PortalSession session, string? url) =>
        new(session.PortalSessionId, session.Recipient, url, session.ExpiresAt, session.Capabilities, session.RevokedAt);
}
