using System.Text;
using System.Text.Json;
using Dapper;
using Hookway.Access;
using Hookway.Access.Portals;
using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Access.Portals;

public class PortalSessionsApiTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Png = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

    private TestServer Server => fixture.Server;

    [Fact]
    public async Task A_session_is_opened_with_a_url_and_the_defaults()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(new() { ["Hookway:PublicUrl"] = "https://hooks.example.com/base/" }, clock);
        var app = await server.CreateApp();
        var opened = (await server.Post($"/api/v1/apps/{app}/portal-sessions", new { recipient = "customer_1", recipientName = "Acme" })).Expect(201);
        opened.Body.EnumerateObject().Select(field => field.Name).ShouldBe(["portalSessionId", "recipient", "url", "expiresAt", "capabilities"]);
        opened.Text("portalSessionId").ShouldStartWith("ps_");
        opened.Text("recipient").ShouldBe("customer_1");
        opened.Text("url").ShouldStartWith("https://hooks.example.com/base/portal/hwp_");
        opened.Text("url").ShouldEndWith("/");
        opened.Body.GetProperty("expiresAt").GetDateTimeOffset().ShouldBe(clock.GetUtcNow().AddHours(1), TimeSpan.FromMilliseconds(1));
        opened.Body.GetProperty("capabilities").EnumerateArray().Select(item => item.GetString()).ShouldBe(Capabilities.All);
        (await server.Get($"/api/v1/apps/{app}/recipients/customer_1")).Expect(200).Text("name").ShouldBe("Acme");
    }

    [Fact]
    public async Task The_token_is_not_kept_and_the_theme_is()
    {
        await using var server = await TestServer.Start();
        var app = await server.CreateApp();
        var theme = new { mode = "dark", primaryColor = "#1A56db", logoUrl = Png, fontFamily = "Inter, Arial" };
        var opened = (await server.Post($"/api/v1/apps/{app}/portal-sessions", new { recipient = "c", theme, returnUrl = "https://example.com/back?x=1" })).Expect(201);
        var token = TokenOf(opened);
        var found = (await server.Services.GetRequiredService<PortalSessionStore>().FindAppearance(token))!;
        found.Theme.ShouldBe(new PortalTheme("dark", "#1A56db", Png, "Inter, Arial"));
        found.ReturnUrl.ShouldBe("https://example.com/back?x=1");
        var rows = await server.Services.GetRequiredService<Database>().Read(async connection => (await connection.QueryAsync("SELECT * FROM portal_sessions")).ToList());
        JsonSerializer.Serialize(rows).ShouldNotContain(token[4..]);
        var log = Encoding.UTF8.GetString((await server.Get("/api/v1/audit-log")).Expect(200).Bytes);
        log.ShouldContain("portal_session.created");
        log.ShouldNotContain(token[4..]);
    }

    [Theory]
    [InlineData("""{}""", "recipient")]
    [InlineData("""{"recipient":"a b"}""", "recipient")]
    [InlineData("""{"recipient":"c","capabilities":[]}""", "capabilities")]
    [InlineData("""{"recipient":"c","capabilities":["messages:read","messages:send"]}""", "capabilities[1]")]
    [InlineData("""{"recipient":"c","capabilities":[null]}""", "capabilities[0]")]
    [InlineData("""{"recipient":"c","expiresInSeconds":59}""", "expiresInSeconds")]
    [InlineData("""{"recipient":"c","expiresInSeconds":604801}""", "expiresInSeconds")]
    [InlineData("""{"recipient":"c","expiresInSeconds":3600.5}""", "expiresInSeconds")]
    [InlineData("""{"recipient":"c","returnUrl":"javascript:alert(1)"}""", "returnUrl")]
    [InlineData("""{"recipient":"c","returnUrl":"/back"}""", "returnUrl")]
    [InlineData("""{"recipient":"c","theme":"pink"}""", "theme")]
    [InlineData("""{"recipient":"c","theme":7}""", "theme")]
    [InlineData("""{"recipient":"c","theme":{"mode":"pink"}}""", "theme.mode")]
    [InlineData("""{"recipient":"c","theme":{"primaryColor":"red"}}""", "theme.primaryColor")]
    [InlineData("""{"recipient":"c","theme":{"primaryColor":"#12345g"}}""", "theme.primaryColor")]
    [InlineData("""{"recipient":"c","theme":{"primaryColor":"#123456\n"}}""", "theme.primaryColor")]
    [InlineData("""{"recipient":"c","theme":{"fontFamily":"Inter; color: red"}}""", "theme.fontFamily")]
    [InlineData("""{"recipient":"c","theme":{"fontFamily":""}}""", "theme.fontFamily")]
    [InlineData("""{"recipient":"c","theme":{"logoUrl":"https://example.com/logo.png"}}""", "theme.logoUrl")]
    [InlineData("""{"recipient":"c","theme":{"logoUrl":"data:image/svg+xml;base64,PHN2Zy8+"}}""", "theme.logoUrl")]
    [InlineData("""{"recipient":"c","theme":{"logoUrl":"data:image/png;base64,PHN2Zy8+"}}""", "theme.logoUrl")]
    [InlineData("""{"recipient":"c","theme":{"logoUrl":"data:image/png;base64,iVBORw0KGgo\""}}""", "theme.logoUrl")]
    [InlineData("""{"recipient":"c","theme":{"css":"*"}}""", "theme.css")]
    [InlineData("""{"recipient":"c","theme":{"mode":3}}""", "theme.mode")]
    [InlineData("""{"recipient":"c","token":"hwp_mine"}""", "token")]
    public async Task What_is_wrong_is_named_and_opens_nothing(string body, string field)
    {
        var app = await Server.CreateApp();
        (await Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/portal-sessions", body)).ExpectInvalid(field);
        (await Server.Get($"/api/v1/apps/{app}/recipients")).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_logo_may_have_64_KiB_and_not_a_byte_more()
    {
        var app = await Server.CreateApp();
        Task<Answer> Open(int bytes, string kind, byte[] head) => Server.Post($"/api/v1/apps/{app}/portal-sessions",
            new { recipient = "c", theme = new { logoUrl = $"data:image/{kind};base64,{Convert.ToBase64String([.. head, .. new byte[bytes - head.Length]])}" } });
        byte[] webp = [.. "RIFF"u8, 0, 0, 0, 0, .. "WEBP"u8];
        foreach (var (kind, head) in new[] { ("png", new byte[] { 0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A }), ("jpeg", [0xFF, 0xD8, 0xFF]), ("webp", webp) })
        {
            (await Open(65_536, kind, head)).Expect(201);
            (await Open(65_537, kind, head)).ExpectInvalid("theme.logoUrl");
            (await Open(100_000, kind, head)).ExpectInvalid("theme.logoUrl");
        }
        (await Open(1_000, "png", webp)).ExpectInvalid("theme.logoUrl");
        (await Open(1_000, "jpeg", webp)).ExpectInvalid("theme.logoUrl");
    }

    [Fact]
    public async Task A_session_ends_when_it_expires_is_revoked_or_what_it_is_for_ends()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        var app = await server.CreateApp();
        async Task<(string Id, string Token)> Open(string recipient, int seconds = 604_800)
        {
            var opened = (await server.Post($"/api/v1/apps/{app}/portal-sessions", new { recipient, expiresInSeconds = seconds })).Expect(201);
            return (opened.Text("portalSessionId"), TokenOf(opened));
        }
        Task<Answer> Use((string Id, string Token) session) => server.Get($"/api/v1/apps/{app}/endpoints", session.Token);

        var (brief, revoked, a, again, b) = (await Open("a", 60), await Open("a"), await Open("a"), await Open("a"), await Open("b"));
        foreach (var session in new[] { brief, revoked, a, again, b })
        {
            (await Use(session)).Expect(200);
        }
        clock.Advance(TimeSpan.FromSeconds(59.99));
        (await Use(brief)).Expect(200);
        clock.Advance(TimeSpan.FromSeconds(0.01));
        (await Use(brief)).ExpectCode(401, "unauthorized");
        var at = (await server.Delete($"/api/v1/apps/{app}/portal-sessions/{revoked.Id}")).Expect(200).Text("revokedAt");
        (await Use(revoked)).ExpectCode(401, "unauthorized");
        clock.Advance(TimeSpan.FromSeconds(1));
        (await server.Delete($"/api/v1/apps/{app}/portal-sessions/{revoked.Id}")).Expect(200).Text("revokedAt").ShouldBe(at);
        (await server.Delete($"/api/v1/apps/{app}/portal-sessions/ps_unknown")).Expect(404);
        (await server.Delete($"/api/v1/apps/{await server.CreateApp()}/portal-sessions/{a.Id}")).Expect(404);

        (await server.Delete($"/api/v1/apps/{app}/recipients/a")).Expect(200);
        (await Use(a)).ExpectCode(401, "unauthorized");
        (await Use(again)).ExpectCode(401, "unauthorized");
        (await Use(b)).Expect(200);
        // A recipient that comes back does not bring its sessions back; a new one is as good as ever.
        await server.Send(app, recipient: "a");
        (await Use(a)).Expect(401);
        (await Use(await Open("a"))).Expect(200);

        (await server.Delete($"/api/v1/apps/{app}")).Expect(200);
        (await Use(b)).ExpectCode(401, "unauthorized");
        (await server.Post($"/api/v1/apps/{app}/portal-sessions", new { recipient = "a" })).Expect(404);
        await server.Restart();
        (await Use(b)).ExpectCode(401, "unauthorized");
    }

    [Fact]
    public async Task What_the_workspace_caps_is_taken_from_new_sessions_and_from_open_ones()
    {
        await using var server = await TestServer.Start();
        var app = await server.CreateApp();
        var open = TokenOf((await server.Post($"/api/v1/apps/{app}/portal-sessions", new { recipient = "c" })).Expect(201));
        (await server.Get($"/api/v1/apps/{app}/messages", open)).Expect(200);
        (await server.Patch("/api/v1/workspace", new { portalCapabilities = new[] { "endpoints:read" } })).Expect(200);

        (await server.Get($"/api/v1/apps/{app}/messages", open)).ExpectCode(403, "missing_capability");
        (await server.Get($"/api/v1/apps/{app}/endpoints", open)).Expect(200);
        (await server.Post($"/api/v1/apps/{app}/portal-sessions", new { recipient = "c" })).Expect(201).Body.GetProperty("capabilities").GetRawText().ShouldBe("""["endpoints:read"]""");
        (await server.Post($"/api/v1/apps/{app}/portal-sessions", new { recipient = "c", capabilities = new[] { "endpoints:read", "messages:read" } })).ExpectInvalid("capabilities[1]");
        (await server.Patch("/api/v1/workspace", new { portalCapabilities = Array.Empty<string>() })).Expect(200);
        (await server.Post($"/api/v1/apps/{app}/portal-sessions", new { recipient = "c" })).ExpectInvalid("capabilities");
        (await server.Raw(HttpMethod.Patch, "/api/v1/workspace", """{"portalCapabilities":null}""")).Expect(200);
        (await server.Get($"/api/v1/apps/{app}/messages", open)).Expect(200);
    }

    [Fact]
    public async Task Expired_sessions_go_a_few_with_each_new_one_after_a_day()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        var app = await server.CreateApp();
        async Task<string> Open() => TokenOf((await server.Post($"/api/v1/apps/{app}/portal-sessions", new { recipient = "c", expiresInSeconds = 60 })).Expect(201));
        Task<long> Kept() => server.Services.GetRequiredService<Database>().Read(connection => connection.ExecuteScalarAsync<long>("SELECT count(*) FROM portal_sessions"));
        var first = await Open();
        for (var i = 0; i < 5; i++)
        {
            await Open();
        }
        clock.Advance(TimeSpan.FromHours(24));
        await Open();
        (await Kept()).ShouldBe(7);
        (await server.Services.GetRequiredService<PortalSessionStore>().FindAppearance(first)).ShouldNotBeNull();
        clock.Advance(TimeSpan.FromMinutes(2));
        for (var (i, kept) = (0, 7L); i < 3; i++)
        {
            await Open();
            (await Kept()).ShouldBe(kept -= 1);
        }
        await Open();
        (await Kept()).ShouldBe(5);
    }

    [Fact]
    public async Task The_scope_is_recipient_write_and_nothing_more()
    {
        var app = await Server.CreateApp();
        var key = await Server.CreateKey([Scopes.RecipientWrite]);
        var opened = (await Server.Post($"/api/v1/apps/{app}/portal-sessions", new { recipient = "c" }, key)).Expect(201);
        // It carries the recipient's rights, also those that the key itself lacks.
        (await Server.Get($"/api/v1/apps/{app}/endpoints", key)).Expect(403);
        (await Server.Get($"/api/v1/apps/{app}/endpoints", TokenOf(opened))).Expect(200);
        var stranger = await Server.CreateWorkspace("portal's stranger");
        (await Server.Post($"/api/v1/apps/{app}/portal-sessions", new { recipient = "c" }, stranger)).Expect(404);
        (await Server.Delete($"/api/v1/apps/{app}/portal-sessions/{opened.Text("portalSessionId")}", stranger)).Expect(404);
    }

    private static string TokenOf(Answer opened) => opened.Text("url").Split('/')[^2];
}
