using Hookway.Access;
using Hookway.Access.Members;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Access;

/// <summary>Members, invitations, and what a signed-in session may do over the API.</summary>
public class MembersApiTests
{
    [Fact]
    public async Task An_invitation_is_a_link_that_works_once_for_one_address()
    {
        await using var server = await TestServer.Start();
        (await server.Post("/api/v1/members/invitations", new { email = "bob", role = "boss" })).ExpectInvalid("email").ExpectInvalid("role");
        var invitation = (await server.Post("/api/v1/members/invitations", new { email = "Bob@Example.com", role = "member" })).Expect(201);
        var path = new Uri(invitation.Text("url")).AbsolutePath;
        (await server.Get("/api/v1/members/invitations")).Expect(200).Items.ShouldHaveSingleItem().GetProperty("email").GetString().ShouldBe("bob@example.com");

        using var bob = new PageClient(server);
        (await bob.Get(path)).Expect(200).Text.ShouldContain("member");
        (await bob.Post(path, ("name", "Bob"), ("password", PageClient.Password))).Expect(303);
        var member = (await server.Get("/api/v1/members")).Expect(200).Items.ShouldHaveSingleItem();
        member.GetProperty("role").GetString().ShouldBe("member");
        (await server.Get($"/api/v1/members/{member.GetProperty("userId").GetString()}")).Expect(200).Text("email").ShouldBe("bob@example.com");
        (await bob.Get(path)).Expect(404);
        (await server.Get("/api/v1/members/invitations")).Expect(200).Items.ShouldBeEmpty();

        var second = (await server.Post("/api/v1/members/invitations", new { email = "eve@example.com", role = "viewer" })).Expect(201);
        (await server.Delete($"/api/v1/members/invitations/{second.Text("invitationId")}")).Expect(200);
        (await bob.Get(new Uri(second.Text("url")).AbsolutePath)).Expect(404);
        (await server.Delete($"/api/v1/members/invitations/{second.Text("invitationId")}")).Expect(404);
    }

    [Fact]
    public async Task One_person_joins_a_second_workspace_with_the_account_they_have()
    {
        await using var server = await TestServer.Start();
        var otherKey = await server.CreateWorkspace();
        using var ada = await PageClient.SignedIn(server, Roles.Admin, "ada@example.com");
        var url = (await server.Post("/api/v1/members/invitations", new { email = "ada@example.com", role = "viewer" }, otherKey)).Expect(201).Text("url");
        var path = new Uri(url).AbsolutePath;
        using var stranger = new PageClient(server);
        (await stranger.Get(path)).Expect(200).Text.ShouldContain("has an account here already");
        (await stranger.Post(path, ("name", "Not Ada"), ("password", PageClient.Password))).Expect(404);

        (await ada.Post(path)).Expect(302);

        var there = (await server.Get("/api/v1/members", otherKey)).Items.ShouldHaveSingleItem();
        there.GetProperty("role").GetString().ShouldBe("viewer");
        there.GetProperty("name").GetString().ShouldBe("admin");
    }

    [Fact]
    public async Task A_workspace_keeps_an_owner_and_only_owners_touch_owners()
    {
        await using var server = await TestServer.Start();
        var workspace = await WorkspaceId(server);
        using var owner = await PageClient.SignedIn(server, Roles.Owner);
        using var admin = await PageClient.SignedIn(server, Roles.Admin);
        using var second = await PageClient.SignedIn(server, Roles.Member);
        var members = (await server.Get("/api/v1/members")).Items;
        string Id(string role) => members.Single(member => member.GetProperty("role").GetString() == role).GetProperty("userId").GetString()!;
        var (ownerId, adminId, memberId) = (Id("owner"), Id("admin"), Id("member"));

        (await owner.Api(HttpMethod.Delete, $"/api/v1/members/{ownerId}", null, workspace)).ExpectCode(400, "last_owner");
        (await owner.Api(HttpMethod.Patch, $"/api/v1/members/{ownerId}", new { role = "admin" }, workspace)).ExpectCode(400, "last_owner");
        (await admin.Api(HttpMethod.Patch, $"/api/v1/members/{ownerId}", new { role = "viewer" }, workspace)).ExpectCode(403, "owner_required");
        (await admin.Api(HttpMethod.Patch, $"/api/v1/members/{adminId}", new { role = "owner" }, workspace)).ExpectCode(403, "owner_required");
        (await admin.Api(HttpMethod.Post, "/api/v1/members/invitations", new { email = "x@example.com", role = "owner" }, workspace)).ExpectCode(403, "owner_required");
        // A key is no owner, whatever its scopes; one that may write may not hand out more than it holds.
        (await server.Delete($"/api/v1/members/{ownerId}")).ExpectCode(403, "owner_required");
        var writer = await server.CreateKey([Scopes.WorkspaceRead, Scopes.WorkspaceWrite]);
        (await server.Patch($"/api/v1/members/{memberId}", new { role = "admin" }, writer)).ExpectCode(403, "missing_scope");
        (await server.Post("/api/v1/members/invitations", new { email = "x@example.com", role = "viewer" }, writer)).ExpectCode(403, "missing_scope");

        (await owner.Api(HttpMethod.Patch, $"/api/v1/members/{memberId}", new { role = "owner" }, workspace)).Expect(200);
        (await owner.Api(HttpMethod.Delete, $"/api/v1/members/{ownerId}", null, workspace)).Expect(200);
        (await owner.Api(HttpMethod.Get, "/api/v1/members", null, workspace)).Expect(404);
        (await server.Patch("/api/v1/members/usr_none", new { role = "owner" })).Expect(404);
    }

    [Theory]
    [InlineData("viewer", "403 403 403 403 200")]
    [InlineData("member", "403 202 201 403 200")]
    [InlineData("admin", "201 202 201 201 200")]
    [InlineData("owner", "201 202 201 201 200")]
    public async Task Each_role_may_do_what_it_is_for(string role, string expected)
    {
        await using var server = await TestServer.Start();
        var workspace = await WorkspaceId(server);
        var app = await server.CreateApp();
        using var browser = await PageClient.SignedIn(server, role);
        async Task<int> Try(HttpMethod method, string path, object? body) => (await browser.Api(method, path, body, workspace)).Status;

        string.Join(' ',
            await Try(HttpMethod.Post, "/api/v1/apps", new { name = "Orders" }),
            await Try(HttpMethod.Post, $"/api/v1/apps/{app}/messages", new { recipient = "c", type = "invoice.paid" }),
            await Try(HttpMethod.Put, $"/api/v1/apps/{app}/recipients/new", new { }),
            await Try(HttpMethod.Post, "/api/v1/members/invitations", new { email = "x@example.com", role = "viewer" }),
            await Try(HttpMethod.Get, "/api/v1/members", null)).ShouldBe(expected);
    }

    [Fact]
    public async Task A_session_names_its_workspace_and_carries_the_token_on_writes()
    {
        await using var server = await TestServer.Start();
        await server.CreateWorkspace();
        var workspace = await WorkspaceId(server);
        var other = await WorkspaceId(server, "other");
        using var browser = await PageClient.SignedIn(server, Roles.Admin);

        (await browser.Api(HttpMethod.Get, "/api/v1/apps", null, workspace, withToken: false)).Expect(200);
        (await browser.Api(HttpMethod.Get, "/api/v1/apps", null, null)).Expect(404);
        (await browser.Api(HttpMethod.Get, "/api/v1/apps", null, other)).Expect(404);
        (await browser.Api(HttpMethod.Post, "/api/v1/apps", new { name = "x" }, workspace, withToken: false)).ExpectCode(403, "antiforgery_required");
        using var elsewhere = await PageClient.SignedIn(server, Roles.Admin);
        browser.FormToken = elsewhere.FormToken;
        (await browser.Api(HttpMethod.Post, "/api/v1/apps", new { name = "x" }, workspace)).ExpectCode(403, "antiforgery_required");
        using var nobody = new PageClient(server) { SessionCookie = "nonsense" };
        (await nobody.Api(HttpMethod.Get, "/api/v1/apps", null, workspace)).Expect(401);
    }

    [Fact]
    public async Task A_changed_role_and_a_removal_hold_at_once()
    {
        await using var server = await TestServer.Start();
        var workspace = await WorkspaceId(server);
        using var owner = await PageClient.SignedIn(server, Roles.Owner);
        using var browser = await PageClient.SignedIn(server, Roles.Admin);
        var id = (await server.Get("/api/v1/members")).Items.Single(member => member.GetProperty("role").GetString() == "admin").GetProperty("userId").GetString();
        (await browser.Api(HttpMethod.Post, "/api/v1/apps", new { name = "x" }, workspace)).Expect(201);

        (await owner.Api(HttpMethod.Patch, $"/api/v1/members/{id}", new { role = "viewer" }, workspace)).Expect(200);
        (await browser.Api(HttpMethod.Post, "/api/v1/apps", new { name = "x" }, workspace)).ExpectCode(403, "missing_scope");

        (await owner.Api(HttpMethod.Delete, $"/api/v1/members/{id}", null, workspace)).Expect(200);
        (await browser.Api(HttpMethod.Get, "/api/v1/apps", null, workspace)).Expect(404);
        (await browser.Get("/account")).Expect(200);
        var entries = (await server.Get($"/api/v1/audit-log?object={id}")).Expect(200).Items;
        entries.Select(entry => entry.GetProperty("action").GetString()).ShouldBe(["member.removed", "member.updated", "member.joined"]);
        entries[1].GetProperty("before").GetProperty("role").GetString().ShouldBe("admin");
        entries[1].GetProperty("actor").GetString()!.ShouldStartWith("usr_");
    }

    [Fact]
    public async Task An_invitation_holds_no_longer_than_whoever_made_it_may_make_it()
    {
        await using var server = await TestServer.Start();
        var workspace = await WorkspaceId(server);
        using var owner = await PageClient.SignedIn(server, Roles.Owner);
        using var second = await PageClient.SignedIn(server, Roles.Owner, "second@example.com");
        using var admin = await PageClient.SignedIn(server, Roles.Admin, "admin@example.com");
        async Task<string> IdOf(string email) =>
            (await server.Get("/api/v1/members")).Items.Single(member => member.GetProperty("email").GetString() == email).GetProperty("userId").GetString()!;
        async Task<string> Invite(PageClient by, string role) => new Uri((await by.Api(
            HttpMethod.Post, "/api/v1/members/invitations", new { email = $"{Guid.NewGuid():N}@example.com", role }, workspace)).Expect(201).Text("url")).AbsolutePath;
        using var guest = new PageClient(server);
        (string, string?)[] form = [("name", "Guest"), ("password", PageClient.Password)];

        // An owner who becomes an admin still invites admins, and owners no more.
        var (asOwner, asAdmin, others) = (await Invite(second, Roles.Owner), await Invite(second, Roles.Admin), await Invite(owner, Roles.Owner));
        var id = await IdOf("second@example.com");
        (await owner.Api(HttpMethod.Patch, $"/api/v1/members/{id}", new { role = "admin" }, workspace)).Expect(200);
        (await guest.Get(asOwner)).Expect(404);
        (await guest.Post(asOwner, form)).Expect(404);
        (await guest.Get(asAdmin)).Expect(200);
        (await guest.Get(others)).Expect(200);

        // Whoever may invite nobody, or is gone, has nobody waiting.
        var asViewer = await Invite(admin, Roles.Viewer);
        (await owner.Api(HttpMethod.Patch, $"/api/v1/members/{await IdOf("admin@example.com")}", new { role = "member" }, workspace)).Expect(200);
        (await guest.Post(asViewer, form)).Expect(404);
        (await owner.Api(HttpMethod.Delete, $"/api/v1/members/{id}", null, workspace)).Expect(200);
        (await guest.Post(asAdmin, form)).Expect(404);
        (await server.Get("/api/v1/members/invitations")).Items.ShouldHaveSingleItem().GetProperty("role").GetString().ShouldBe("owner");
        (await server.Get("/api/v1/audit-log")).Items.Count(entry => entry.GetProperty("action").GetString() == "member.invitation_revoked").ShouldBe(3);
        (await guest.Post(others, form)).Expect(303);
    }

    [Fact]
    public async Task An_invitation_by_a_key_ends_with_the_key()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        async Task<string> Invite(string key) => new Uri((await server.Post(
            "/api/v1/members/invitations", new { email = $"{Guid.NewGuid():N}@example.com", role = "viewer" }, key)).Expect(201).Text("url")).AbsolutePath;
        var made = (await server.Post("/api/v1/api-keys", new { name = "Script", scopes = new[] { "*" } })).Expect(201);
        var brief = await server.CreateKey([Scopes.Everything], clock.GetUtcNow() + TimeSpan.FromHours(1));
        var (byKey, byBrief, stays) = (await Invite(made.Text("key")), await Invite(brief), await Invite(TestServer.EverythingKey));
        using var guest = new PageClient(server);
        (await guest.Get(byKey)).Expect(200);
        (await guest.Get(byBrief)).Expect(200);

        (await server.Delete($"/api/v1/api-keys/{made.Text("keyId")}")).Expect(200);
        (await guest.Post(byKey, ("name", "Guest"), ("password", PageClient.Password))).Expect(404);
        (await server.Get("/api/v1/members/invitations")).Items.Length.ShouldBe(2);
        clock.Advance(TimeSpan.FromHours(1));
        (await guest.Post(byBrief, ("name", "Guest"), ("password", PageClient.Password))).Expect(404);
        (await guest.Post(stays, ("name", "Guest"), ("password", PageClient.Password))).Expect(303);
    }

    private static async Task<string> WorkspaceId(TestServer server, string name = FirstStart.WorkspaceName) =>
        (await server.Services.GetRequiredService<WorkspaceStore>().Find(name))!.WorkspaceId;
}
