using System.ComponentModel.DataAnnotations;
using Hookway.Access.Mails;
using Hookway.Access.Sessions;
using Hookway.Api;
using Hookway.Api.OpenApi;

namespace Hookway.Access.Members;

/// <summary>The routes of members and invitations.</summary>
public static class MembersApi
{
    public static void MapMembers(this IEndpointRouteBuilder routes)
    {
        var members = routes.MapGroup("/api/v1/members").WithTags("Members");
        members.MapGet("/", List).Needs(Scopes.WorkspaceRead).WithSummary("List members").Paged().Produces<Page<MemberResource>>();
        members.MapGet("/invitations", ListInvitations).Needs(Scopes.WorkspaceRead).WithSummary("List invitations")
            .WithDescription("Those that wait to be accepted.").Paged().Produces<Page<InvitationResource>>();
        members.MapPost("/invitations", Invite).Needs(Scopes.WorkspaceWrite).WithSummary("Invite a member")
            .WithDescription("The answer is the only place that shows the link; where the server has a mail server, it is mailed as well. Whoever opens it within 7 days joins with the role, while whoever invited them could still do so.")
            .Accepts<InviteMember>("application/json").Produces<InvitationWithUrl>(StatusCodes.Status201Created);
        members.MapDelete("/invitations/{invitationId}", RevokeInvitation).Needs(Scopes.WorkspaceWrite).WithSummary("Revoke an invitation").Produces<InvitationResource>();
        members.MapGet("/{userId}", Get).Needs(Scopes.WorkspaceRead).WithSummary("Fetch a member").Produces<MemberResource>();
        members.MapPatch("/{userId}", Change).Needs(Scopes.WorkspaceWrite).WithSummary("Change a member's role")
            .WithDescription("Only an owner makes, changes or removes owners, and a workspace keeps at least one.").Accepts<ChangeMember>("application/json").Produces<MemberResource>();
        members.MapDelete("/{userId}", Remove).Needs(Scopes.WorkspaceWrite).WithSummary("Remove a member")
            .WithDescription("The account stays; it can no longer enter the workspace.").Produces<MemberResource>();
    }

    private static async Task<IResult> List(HttpRequest request, Caller caller, MemberStore store)
    {
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "members", errors);
        return errors.Any
            ? Problem.Invalid(errors)
            : TypedResults.Ok(page.Of(await store.List(caller.WorkspaceNo, page.Before, page.Rows), member => member.UserNo, MemberResource.Of));
    }

    private static async Task<IResult> Get(string userId, Caller caller, MemberStore store) =>
        await store.Find(caller.WorkspaceNo, userId) is { } member ? TypedResults.Ok(MemberResource.Of(member)) : Problem.NotFound("member");

    private static async Task<IResult> Change(string userId, HttpContext http, Caller caller, MemberStore store)
    {
        if (await store.Find(caller.WorkspaceNo, userId) is null)
        {
            return Problem.NotFound("member");
        }
        var (input, problem) = await JsonInput.Read<ChangeMember>(http);
        if (input is null)
        {
            return problem!;
        }
        return !Roles.IsRole(input.Role) ? Problem.Invalid("role", RoleForm)
            : Refusal(caller, input.Role!) ?? Answer(await store.SetRole(caller.WorkspaceNo, caller.Actor, userId, input.Role!, IsOwner(caller)));
    }

    private static async Task<IResult> Remove(string userId, Caller caller, MemberStore store) =>
        Answer(await store.Remove(caller.WorkspaceNo, caller.Actor, userId, IsOwner(caller)));

    private static async Task<IResult> ListInvitations(HttpRequest request, Caller caller, AccessLinkStore store)
    {
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "invitations", errors);
        return errors.Any
            ? Problem.Invalid(errors)
            : TypedResults.Ok(page.Of(await store.ListInvitations(caller.WorkspaceNo, page.Before, page.Rows), link => link.No, InvitationResource.Of));
    }

    private static async Task<IResult> Invite(HttpContext http, Caller caller, AccessLinkStore store, OutgoingMails mails, PublicAddress address)
    {
        var (input, problem) = await JsonInput.Read<InviteMember>(http);
        if (input is null)
        {
            return problem!;
        }
        var errors = new FieldErrors();
        User.CheckEmail(input.Email, errors);
        if (!Roles.IsRole(input.Role))
        {
            errors.Add("role", RoleForm);
        }
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        if (Refusal(caller, input.Role!) is { } refusal)
        {
            return refusal;
        }
        if (input.Role == Roles.Owner && !IsOwner(caller))
        {
            return OwnersOnly();
        }
        var (link, token) = await store.Create(AccessLink.Invitation, caller.WorkspaceNo, userNo: null, User.Normalize(input.Email!), input.Role, caller.Actor);
        var path = AccessLink.PathOf(AccessLink.Invitation, token);
        var mailed = mails.PublicUrl is { } url && mails.Send(Mail.Invitation(link, caller.Workspace.Name, caller.Actor.Name, url + path));
        return TypedResults.Created($"/api/v1/members/invitations/{link.LinkId}", InvitationWithUrl.Of(link, address.Of(http.Request) + path, mailed));
    }

    private static async Task<IResult> RevokeInvitation(string invitationId, Caller caller, AccessLinkStore store) =>
        await store.Revoke(caller.WorkspaceNo, caller.Actor, invitationId) is { } revoked ? TypedResults.Ok(InvitationResource.Of(revoked)) : Problem.NotFound("invitation");

    private static string RoleForm => $"must be one of {string.Join(", ", Roles.All)}";

    private static bool IsOwner(Caller caller) => caller.Credential is SessionCredential { Membership.Role: Roles.Owner };

    /// <summary>Nobody hands out more than they hold.</summary>
    private static Problem? Refusal(Caller caller, string role) =>
        Roles.ScopesOf(role).FirstOrDefault(scope => !caller.Holds(scope)) is { } missing ? Problem.MissingScope(missing) : null;

    private static Problem OwnersOnly() => Problem.Of(StatusCodes.Status403Forbidden, "owner_required", "Only a signed-in owner adds, changes or removes owners.");

    private static IResult Answer(MemberChange change) => change switch
    {
        { Member: null } => Problem.NotFound("member"),
        { Refusal: MemberRefusal.OwnersAreForOwners } => OwnersOnly(),
        { Refusal: MemberRefusal.LastOwner } => Problem.BadRequest("last_owner", "A workspace keeps at least one owner: make another one first."),
        { Member: { } member } => TypedResults.Ok(MemberResource.Of(member)),
    };
}

/// <summary>The body of "invite a member".</summary>
/// <param name="Email">Required: whom the link is for.</param>
/// <param name="Role">Required: owner, admin, member or viewer.</param>
public sealed record InviteMember(
    [property: Required] string? Email, [property: Required, AllowedValues("owner", "admin", "member", "viewer")] string? Role) : IRequestBody;

/// <summary>The body of "change a member's role".</summary>
/// <param name="Role">Required: owner, admin, member or viewer.</param>
public sealed record ChangeMember([property: Required, AllowedValues("owner", "admin", "member", "viewer")] string? Role) : IRequestBody;

/// <summary>A member, as the API shows them.</summary>
/// <param name="Role">viewer reads everything; member also writes messages, endpoints, recipients and ingest; admin does all but touch owners; owner all.</param>
/// <param name="TwoFactor">Whether sign-in asks for a code as well.</param>
/// <param name="LastSeenAt">When they last used the dashboard; null when they have no session.</param>
public sealed record MemberResource(
    string UserId, string Email, string Name, [property: AllowedValues("owner", "admin", "member", "viewer")] string Role, bool TwoFactor,
    DateTimeOffset CreatedAt, DateTimeOffset? LastSeenAt)
{
    public static MemberResource Of(Member member) => new(
        member.UserId, member.Email, member.Name, member.Role, member.HasCodes, member.CreatedAt, member.LastSeenAt);
}

/// <summary>An invitation, as the API shows it.</summary>
public record InvitationResource(
    string InvitationId, string Email, [property: AllowedValues("owner", "admin", "member", "viewer")] string Role, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt)
{
    public static InvitationResource Of(AccessLink link) => new(link.LinkId, link.Email!, link.Role!, link.CreatedAt, link.ExpiresAt);
}

/// <summary>An invitation with its link: the answer to its making.</summary>
/// <param name="Url">Lets in whoever opens it, once. Shown here only.</param>
/// <param name="Mailed">Whether a mail with the link is on its way.</param>
public sealed record InvitationWithUrl(string Url, bool Mailed, string InvitationId, string Email, string Role, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt)
    : InvitationResource(InvitationId, Email, Role, CreatedAt, ExpiresAt)
{
    public static InvitationWithUrl Of(AccessLink link, string url, bool mailed) => new(url, mailed, link.LinkId, link.Email!, link.Role!, link.CreatedAt, link.ExpiresAt);
}
