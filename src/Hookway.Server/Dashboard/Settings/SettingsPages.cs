using Hookway.Access;
using Hookway.Access.Members;
using Hookway.Api;
using Hookway.Ui;

namespace Hookway.Dashboard.Settings;

/// <summary>The workspace's own pages: API keys, members, the audit log.</summary>
public static class SettingsPages
{
    private const string Root = "/w/{workspaceId}/settings";
    private const int MostKeyDays = 3_650;

    public static void MapSettingsPages(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(Root + "/keys", Keys);
        routes.MapPost(Root + "/keys", CreateKey);
        routes.MapPost(Root + "/keys/{keyId}/revoke", RevokeKey);
        routes.MapGet(Root + "/members", Members);
        routes.MapPost(Root + "/members/invite", Invite);
        routes.MapPost(Root + "/members/{userId}/role", SetRole);
        routes.MapPost(Root + "/members/{userId}/remove", Remove);
        routes.MapPost(Root + "/members/invitations/{invitationId}/revoke", RevokeInvitation);
        routes.MapGet(Root + "/audit", Audit);
        routes.MapGet(Root + "/workspace", Workspace);
        routes.MapPost(Root + "/workspace", SaveWorkspace);
    }

    private static async Task<IResult> Keys(DashboardContext page) => await KeysPage(page, null, null);

    private static async Task<IResult> CreateKey(HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var days = form.Number("days");
        if (days is not (null or (> 0 and <= MostKeyDays)))
        {
            return await KeysPage(page, form.With(Problem.Invalid("days", $"must be from 1 to {MostKeyDays}, or blank for a key without an end")), null);
        }
        var expires = days is { } given ? (DateTimeOffset?)page.Now.AddDays(given) : null;
        var answer = await page.Api.Post("/api/v1/api-keys", new { name = form.Text("name") ?? "", scopes = form.All("scope"), expiresAt = expires });
        // Shown once: the key is nowhere but in this answer.
        return answer.IsGood ? await KeysPage(page, null, answer.Json.GetProperty("key").GetString(), form.Text("command")) : await KeysPage(page, form.With(answer.Problem), null);
    }

    private static async Task<IResult> KeysPage(DashboardContext page, FormState? form, string? made, string? command = null)
    {
        var (keys, problem) = await page.Api.Get<Page<ApiKeyResource>>(PageApi.Query("/api/v1/api-keys", ("limit", "100"), ("cursor", page.Asked("cursor"))));
        return keys is null ? page.Failed(problem!) : PageResult.Of<KeysPage>(page, new { Keys = keys, Form = form, Made = made, Command = command }, form?.Problem?.Status ?? StatusCodes.Status200OK);
    }

    private static async Task<IResult> RevokeKey(string keyId, DashboardContext page) =>
        Done(page, await page.Api.Delete(PageApi.Path("api-keys", keyId)), "keys", "revoked");

    private static async Task<IResult> Members(DashboardContext page) => await MembersPage(page, null, null);

    private static async Task<IResult> Invite(HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var answer = await page.Api.Post("/api/v1/members/invitations", new { email = form.Text("email") ?? "", role = form.Text("role") ?? "" });
        return answer.IsGood ? await MembersPage(page, null, answer.Read<InvitationWithUrl>()) : await MembersPage(page, form.With(answer.Problem), null);
    }

    private static async Task<IResult> MembersPage(DashboardContext page, FormState? form, InvitationWithUrl? made)
    {
        if ((await page.Api.Get<Page<MemberResource>>(PageApi.Query("/api/v1/members", ("limit", "100"), ("cursor", page.Asked("cursor"))))).Failed(out var members, out var problem))
        {
            return page.Failed(problem);
        }
        var invitations = (await page.Api.Get<Page<InvitationResource>>("/api/v1/members/invitations?limit=100")).Value?.Data ?? [];
        return PageResult.Of<MembersPage>(page, new { Members = members, Invitations = invitations, Form = form, Link = made?.Url, IsMailed = made?.Mailed is true }, form?.Problem?.Status ?? StatusCodes.Status200OK);
    }

    private static async Task<IResult> SetRole(string userId, HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        return Done(page, await page.Api.Patch(PageApi.Path("members", userId), new { role = form.Text("role") ?? "" }), "members", "saved");
    }

    private static async Task<IResult> Remove(string userId, DashboardContext page)
    {
        var answer = await page.Api.Delete(PageApi.Path("members", userId));
        return answer.IsGood && userId == page.Session.User.UserId ? new SeeOtherResult("/") : Done(page, answer, "members", "removed");
    }

    private static async Task<IResult> RevokeInvitation(string invitationId, DashboardContext page) =>
        Done(page, await page.Api.Delete(PageApi.Path("members", "invitations", invitationId)), "members", "revoked");

    private static async Task<IResult> Audit(DashboardContext page)
    {
        var path = PageApi.Query("/api/v1/audit-log", ("limit", "50"), ("cursor", page.Asked("cursor")), ("actor", page.Asked("actor")), ("object", page.Asked("object")), ("since", Words.FromInput(page.Asked("since"))));
        var (entries, problem) = await page.Api.Get<Page<AuditEntryResource>>(path);
        return entries is null ? page.Failed(problem!) : PageResult.Of<AuditPage>(page, new { Entries = entries });
    }

    private static async Task<IResult> Workspace(DashboardContext page) => await WorkspacePage(page, null);

    private static async Task<IResult> SaveWorkspace(HttpContext http, DashboardContext page)
    {
        var form = await FormState.Read(http.Request);
        var answer = await page.Api.Patch("/api/v1/workspace", new { name = form.Text("name") ?? "", portalCapabilities = form.All("capability") });
        return answer.IsGood ? Done(page, answer, "workspace", "saved") : await WorkspacePage(page, form.With(answer.Problem));
    }

    private static async Task<IResult> WorkspacePage(DashboardContext page, FormState? form)
    {
        var (workspace, problem) = await page.Api.Get<WorkspaceResource>("/api/v1/workspace");
        return workspace is null ? page.Failed(problem!)
            : PageResult.Of<WorkspacePage>(page, new { Workspace = workspace, Form = form }, form?.Problem?.Status ?? StatusCodes.Status200OK);
    }

    private static IResult Done(DashboardContext page, ApiAnswer answer, string tab, string said) =>
        answer.IsGood ? new SeeOtherResult($"{page.Base}/settings/{tab}?said={said}") : page.Failed(answer.Problem!);
}
