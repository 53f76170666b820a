using Hookway.Access;
using Hookway.Api;
using Hookway.Dispatch.Apps;
using Hookway.Dispatch.Messages;
using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Access;

public class ApiKeysApiTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task A_key_is_shown_once_and_works_until_it_is_revoked()
    {
        var created = (await Server.Post("/api/v1/api-keys", new { name = "Billing", scopes = new[] { "app:read", "app:write", "app:read" } })).Expect(201);
        var key = created.Text("key");
        ApiKey.IsWellFormed(key).ShouldBeTrue();
        created.Text("prefix").ShouldBe(key[..12]);
        created.Body.GetProperty("scopes").EnumerateArray().Select(scope => scope.GetString()).ShouldBe(["app:read", "app:write"]);
        (await Server.Get("/api/v1/apps", key)).Expect(200);

        var id = created.Text("keyId");
        var listed = (await Server.Get("/api/v1/api-keys")).Expect(200);
        System.Text.Encoding.UTF8.GetString(listed.Bytes).ShouldNotContain(key);
        listed.Items.Single(item => item.GetProperty("keyId").GetString() == id).GetProperty("revokedAt").ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Null);

        var revoked = (await Server.Delete($"/api/v1/api-keys/{id}")).Expect(200);
        (await Server.Get("/api/v1/apps", key)).ExpectCode(401, "unauthorized");
        (await Server.Delete($"/api/v1/api-keys/{id}")).Expect(200).Text("revokedAt").ShouldBe(revoked.Text("revokedAt"));
        (await Server.Get("/api/v1/api-keys")).Items.ShouldContain(item => item.GetProperty("keyId").GetString() == id);
    }

    [Fact]
    public async Task Keys_are_listed_newest_first_a_page_at_a_time_and_those_of_this_workspace_alone()
    {
        await using var server = await TestServer.Start();
        var stranger = await server.CreateWorkspace();
        var made = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            made.Insert(0, (await server.Post("/api/v1/api-keys", new { name = $"Key {i}", scopes = new[] { "*" } })).Expect(201).Text("keyId"));
        }
        var seen = new List<string>();
        for (string? cursor = null, next = ""; next is not null; cursor = next)
        {
            var page = (await server.Get($"/api/v1/api-keys?limit=2{(cursor is null ? "" : "&cursor=" + cursor)}")).Expect(200);
            seen.AddRange(page.Items.Select(item => item.GetProperty("keyId").GetString()!));
            next = page.Body.GetProperty("nextCursor").GetString();
        }
        seen.Take(5).ShouldBe(made);
        // The bootstrap key is the oldest.
        seen.Count.ShouldBe(6);
        (await server.Get("/api/v1/api-keys", stranger)).Items.Length.ShouldBe(1);
        (await server.Delete($"/api/v1/api-keys/{made[0]}", stranger)).ExpectCode(404, "not_found");
    }

    [Fact]
    public async Task A_key_can_grant_only_scopes_that_it_holds()
    {
        var giver = await Server.CreateKey([Scopes.WorkspaceWrite, Scopes.MessageRead]);
        (await Server.Post("/api/v1/api-keys", new { name = "x", scopes = new[] { "message:read", "workspace:write" } }, giver)).Expect(201);
        foreach (var scope in Scopes.All.Where(scope => scope is not (Scopes.WorkspaceWrite or Scopes.MessageRead)))
        {
            (await Server.Post("/api/v1/api-keys", new { name = "x", scopes = new[] { "message:read", scope } }, giver)).ExpectCode(403, "missing_scope").Text("detail").ShouldContain($" {scope},");
        }
        // Everything grants everything.
        (await Server.Post("/api/v1/api-keys", new { name = "x", scopes = Scopes.All })).Expect(201);
    }

    [Theory]
    [InlineData("""{"scopes":["*"]}""", "name")]
    [InlineData("""{"name":" ","scopes":["*"]}""", "name")]
    [InlineData("""{"name":"x"}""", "scopes")]
    [InlineData("""{"name":"x","scopes":[]}""", "scopes")]
    [InlineData("""{"name":"x","scopes":["app:read",null]}""", "scopes[1]")]
    [InlineData("""{"name":"x","scopes":["APP:READ"]}""", "scopes[0]")]
    [InlineData("""{"name":"x","scopes":["*"],"expiresAt":"2020-01-01T00:00:00Z"}""", "expiresAt")]
    [InlineData("""{"name":"x","scopes":["*"],"expiresAt":"soon"}""", "expiresAt")]
    [InlineData("""{"name":"x","scopes":["*"],"key":"hwk_mineMineMineMineMineMine"}""", "key")]
    public async Task What_is_wrong_is_named_and_makes_no_key(string body, string field)
    {
        var before = (await Server.Get("/api/v1/api-keys?limit=250")).Items.Length;
        (await Server.Raw(HttpMethod.Post, "/api/v1/api-keys", body)).ExpectInvalid(field);
        (await Server.Get("/api/v1/api-keys?limit=250")).Items.Length.ShouldBe(before);
    }

    [Fact]
    public async Task A_key_expires_at_its_time()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        var key = (await server.Post("/api/v1/api-keys", new { name = "x", scopes = new[] { "app:read" }, expiresAt = clock.GetUtcNow().AddHours(1) })).Expect(201).Text("key");
        (await server.Get("/api/v1/apps", key)).Expect(200);
        clock.Advance(TimeSpan.FromHours(1));
        (await server.Get("/api/v1/apps", key)).ExpectCode(401, "unauthorized");
    }

    [Fact]
    public async Task A_send_that_waits_for_the_writer_is_refused_when_its_key_is_revoked_first()
    {
        await using var server = await TestServer.Start();
        var app = await server.CreateApp();
        var (keys, intake) = (server.Services.GetRequiredService<ApiKeyStore>(), server.Services.GetRequiredService<MessageIntake>());
        var text = await server.CreateKey([Scopes.MessageWrite]);
        var key = (await keys.Find(text))!;
        var caller = new Caller((await server.Caller()).Workspace, key, key.Scopes, server.Services.GetRequiredService<Configuration>().Version);
        var view = (await server.Services.GetRequiredService<AppStore>().View(caller, app))!;
        var draft = new MessageDraft("customer_1", "invoice.paid", "{}"u8.ToArray(), null, null, null);
        ((IStatusCodeHttpResult)await intake.Send(caller, view, draft)).StatusCode.ShouldBe(202);

        // The request was let in before; what it asks for comes to the writer after the revocation.
        (await keys.Revoke(key.WorkspaceNo, Actor.System, key.KeyId)).ShouldNotBeNull();
        ((Problem)await intake.Send(caller, view, draft)).Status.ShouldBe(401);
        (await server.Get($"/api/v1/apps/{app}/messages")).Items.Length.ShouldBe(1);
    }

    [Fact]
    public async Task A_bootstrap_key_that_was_revoked_stays_revoked()
    {
        await using var server = await TestServer.Start();
        var other = await server.CreateKey([Scopes.Everything]);
        var id = (await server.Get("/api/v1/api-keys")).Items.Single(key => key.GetProperty("name").GetString() == "Bootstrap key").GetProperty("keyId").GetString();
        (await server.Delete($"/api/v1/api-keys/{id}", other)).Expect(200);
        await server.Restart();
        (await server.Get("/api/v1/apps")).ExpectCode(401, "unauthorized");
        (await server.Get("/api/v1/api-keys", other)).Items.Length.ShouldBe(2);
    }
}
