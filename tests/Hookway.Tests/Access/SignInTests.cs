using System.Text.RegularExpressions;
using Hookway.Access;
using Hookway.Access.Members;
using Hookway.Access.Sessions;
using Hookway.Hosting;
using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Access;

/// <summary>How people come in, stay in and are kept out.</summary>
public class SignInTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private static readonly (string, string?)[] Ada =
        [("workspace", "Acme"), ("name", "Ada"), ("email", " Ada@Example.com "), ("password", PageClient.Password)];

    [Fact]
    public async Task The_set_up_link_makes_the_owner_and_names_the_workspace_once()
    {
        await using var server = await TestServer.Start();
        using var browser = new PageClient(server);
        (await browser.Get("/set-up/nonsense")).Expect(404);
        var link = await OwnerLink(server);
        var other = await OwnerLink(server);
        (await browser.Post(link, ("workspace", ""), ("name", "Ada"), ("email", "ada"), ("password", "short"))).Expect(400).Text.ShouldContain("must be an e-mail address");

        (await browser.Post(link, Ada)).Expect(303).Location.ShouldBe("/");

        (await browser.Get("/account")).Expect(200).Text.ShouldContain("ada@example.com");
        (await browser.Get(link)).Expect(404);
        (await browser.Get(other)).Expect(404);
        (await browser.Post(other, Ada)).Expect(404);
        (await server.Services.GetRequiredService<FirstStart>().MakeOwnerLink()).ShouldBeNull();
        await server.Restart();
        // The workspace has another name by now, and is still the first one.
        (await server.Get("/api/v1/members")).Expect(200).Items.ShouldHaveSingleItem().GetProperty("role").GetString().ShouldBe("owner");
    }

    [Fact]
    public async Task The_wrong_password_is_refused_as_an_unknown_address_is_and_locks_the_account_for_a_while()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        using var browser = new PageClient(server);
        (await browser.Post(await OwnerLink(server), Ada)).Expect(303);
        using var stranger = new PageClient(server);
        var unknown = (await stranger.Post("/sign-in", ("email", "bob@example.com"), ("password", "x"))).Expect(401).Text;
        for (var i = 0; i < SignIn.MostFailures; i++)
        {
            Alert((await stranger.Post("/sign-in", ("email", "ada@example.com"), ("password", "wrong"))).Expect(401).Text).ShouldBe(Alert(unknown));
        }

        Alert((await stranger.Post("/sign-in", ("email", "ada@example.com"), ("password", PageClient.Password))).Expect(401).Text).ShouldBe(Alert(unknown));
        (await browser.Get("/account")).Expect(200);
        clock.Advance(SignIn.LockTime);
        (await stranger.Post("/sign-in", ("email", "ADA@example.com"), ("password", PageClient.Password))).Expect(303);
    }

    [Fact]
    public async Task A_session_begins_under_a_new_token_and_ends_with_sign_out()
    {
        await using var server = await TestServer.Start();
        using var browser = await PageClient.SignedIn(server, email: "ada@example.com");
        var before = browser.SessionCookie!;

        using var victim = new PageClient(server) { SessionCookie = "planted" };
        var signedIn = await victim.Post("/sign-in", ("email", "ada@example.com"), ("password", PageClient.Password), ("return", "//evil.example"));
        signedIn.Expect(303).Location.ShouldBe("/");
        victim.SessionCookie.ShouldNotBe("planted");
        var cookie = signedIn.Headers["Set-Cookie"];
        cookie.ShouldContain("httponly", Case.Insensitive);
        cookie.ShouldContain("samesite=lax", Case.Insensitive);
        cookie.ShouldNotContain("secure", Case.Insensitive);

        // Whoever signs in where somebody was signed in ends that session.
        (await browser.Post("/sign-in", ("email", "ada@example.com"), ("password", PageClient.Password))).Expect(303);
        browser.SessionCookie.ShouldNotBe(before);
        using var thief = new PageClient(server) { SessionCookie = before };
        (await thief.Get("/account")).Expect(303);

        var token = victim.SessionCookie!;
        (await victim.Get("/account")).Expect(200);
        (await victim.Post("/sign-out")).Expect(303);
        using var later = new PageClient(server) { SessionCookie = token };
        (await later.Get("/account")).Expect(303).Location.ShouldBe("/sign-in?return=%2Faccount");
    }

    [Fact]
    public async Task Behind_https_the_cookie_is_for_https_alone()
    {
        await using var server = await TestServer.Start(new() { ["Hookway:PublicUrl"] = "https://hooks.example.com" });
        using var browser = new PageClient(server);
        var cookie = (await browser.Post(await OwnerLink(server), Ada)).Expect(303).Headers["Set-Cookie"];
        cookie.ShouldContain("secure", Case.Insensitive);
    }

    [Fact]
    public async Task The_second_step_asks_for_a_code_each_once_and_takes_recovery_codes()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        using var browser = await PageClient.SignedIn(server, email: "ada@example.com");
        var secret = OneTimeCodes.NewSecret();
        (string, string?)[] Form(string code, string password) => [("secret", Convert.ToHexString(secret)), ("code", code), ("current", password)];
        (await browser.Post("/account/codes", Form("000000", PageClient.Password))).Expect(400);
        (await browser.Post("/account/codes", Form(OneTimeCodes.CodeAt(secret, clock.GetUtcNow()), "wrong"))).Expect(400);
        var codes = (await browser.Post("/account/codes", Form(OneTimeCodes.CodeAt(secret, clock.GetUtcNow()), PageClient.Password))).Expect(200).Text
            .Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Where(word => word.Length == 11 && word[5] == '-').ToList();
        codes.Count.ShouldBe(10);

        using var other = new PageClient(server);
        async Task<PageAnswer> Enter(string code)
        {
            var step = (await other.Post("/sign-in", ("email", "ada@example.com"), ("password", PageClient.Password))).Expect(200);
            other.SessionCookie.ShouldBeNull();
            return await other.Post("/sign-in/code", ("ticket", Ticket(step.Html)), ("code", code));
        }
        // The code that turned it on is used up.
        (await Enter(OneTimeCodes.CodeAt(secret, clock.GetUtcNow()))).Expect(401);
        clock.Advance(TimeSpan.FromSeconds(60));
        var next = OneTimeCodes.CodeAt(secret, clock.GetUtcNow());
        (await Enter(next)).Expect(303);
        (await other.Get("/account")).Expect(200);
        (await other.Post("/sign-out")).Expect(303);
        (await Enter(next)).Expect(401);
        (await Enter(codes[3])).Expect(303);
        (await other.Get("/account")).Expect(200);
        (await other.Post("/sign-out")).Expect(303);
        (await Enter(codes[3])).Expect(401);

        // A ticket is nothing by itself, and no password of others makes it one.
        (await other.Post("/sign-in/code", ("ticket", "AAAA"), ("code", codes[4]))).Expect(401);
        var late = (await other.Post("/sign-in", ("email", "ada@example.com"), ("password", PageClient.Password))).Expect(200);
        clock.Advance(TimeSpan.FromMinutes(6));
        (await other.Post("/sign-in/code", ("ticket", Ticket(late.Html)), ("code", codes[4]))).Expect(401);
    }

    [Fact]
    public async Task Wrong_codes_lock_the_account_as_wrong_passwords_do()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        using var browser = await PageClient.SignedIn(server, email: "ada@example.com");
        var secret = OneTimeCodes.NewSecret();
        (await browser.Post("/account/codes", ("secret", Convert.ToHexString(secret)), ("code", OneTimeCodes.CodeAt(secret, clock.GetUtcNow())), ("current", PageClient.Password))).Expect(200);
        clock.Advance(TimeSpan.FromMinutes(2));
        using var other = new PageClient(server);
        for (var i = 0; i < SignIn.MostFailures; i++)
        {
            var step = (await other.Post("/sign-in", ("email", "ada@example.com"), ("password", PageClient.Password))).Expect(200);
            (await other.Post("/sign-in/code", ("ticket", Ticket(step.Html)), ("code", "12345"))).Expect(401);
        }
        (await other.Post("/sign-in", ("email", "ada@example.com"), ("password", PageClient.Password))).Expect(401);
    }

    [Fact]
    public async Task A_new_password_ends_the_other_sessions_and_a_reset_ends_all()
    {
        await using var server = await TestServer.Start();
        using var browser = await PageClient.SignedIn(server, email: "ada@example.com");
        using var phone = new PageClient(server);
        (await phone.Post("/sign-in", ("email", "ada@example.com"), ("password", PageClient.Password))).Expect(303);
        (await browser.Post("/account/password", ("current", "wrong"), ("password", "another long password"))).Expect(400);
        (await phone.Get("/account")).Expect(200);

        (await browser.Post("/account/password", ("current", PageClient.Password), ("password", "another long password"))).Expect(303);
        (await phone.Get("/account")).Expect(303);
        (await browser.Get("/account")).Expect(200);

        var user = (await server.Services.GetRequiredService<UserStore>().FindByEmail("ada@example.com"))!;
        var (_, token) = await server.Services.GetRequiredService<AccessLinkStore>().Create(AccessLink.Reset, null, user.No, user.Email, null, Actor.Command);
        (await phone.Get(AccessLink.PathOf(AccessLink.Reset, token))).Expect(200);
        (await phone.Post(AccessLink.PathOf(AccessLink.Reset, token), ("password", "a third long password"))).Expect(302);
        (await browser.Get("/account")).Expect(303);
        (await phone.Post(AccessLink.PathOf(AccessLink.Reset, token), ("password", "a fourth long password"))).Expect(404);
        (await phone.Post("/sign-in", ("email", "ada@example.com"), ("password", "a third long password"))).Expect(303);
    }

    [Fact]
    public async Task A_session_can_be_ended_from_another_one_and_is_over_after_its_time()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        using var browser = await PageClient.SignedIn(server, email: "ada@example.com");
        using var phone = new PageClient(server);
        (await phone.Post("/sign-in", ("email", "ada@example.com"), ("password", PageClient.Password))).Expect(303);
        using var stranger = await PageClient.SignedIn(server, Roles.Viewer);
        var id = (await browser.Get("/account")).Html.Split("/account/sessions/")[1].Split('/')[0];

        (await stranger.Post($"/account/sessions/{id}/end")).Expect(303);
        (await phone.Get("/account")).Expect(200);
        (await browser.Post($"/account/sessions/{id}/end")).Expect(303);
        (await phone.Get("/account")).Expect(303);
        clock.Advance(Session.Lifetime);
        (await browser.Get("/account")).Expect(303);
    }

    [Fact]
    public async Task A_form_from_elsewhere_changes_nothing()
    {
        await using var server = await TestServer.Start();
        using var browser = await PageClient.SignedIn(server, email: "ada@example.com");
        using var other = await PageClient.SignedIn(server);
        (await browser.Post("/account/name", null, [("name", "Mallory")])).Expect(400);
        (await browser.Post("/account/name", other.FormToken, [("name", "Mallory")])).Expect(400);
        (await browser.Post("/sign-out", null, [])).Expect(400);
        (await browser.Get("/account")).Expect(200).Text.ShouldNotContain("Mallory");
        using var stranger = new PageClient(server);
        (string, string?)[] good = [("email", "ada@example.com"), ("password", PageClient.Password)];
        (await stranger.Post("/sign-in", null, good, ("Sec-Fetch-Site", "cross-site"))).Expect(403);
        (await stranger.Post("/sign-in", null, good, ("Origin", "https://evil.example"))).Expect(403);
        (await stranger.Post("/sign-in", null, good, ("Origin", "null"))).Expect(403);
        (await stranger.Post("/sign-in", null, good, ("Origin", server.Address.GetLeftPart(UriPartial.Authority)))).Expect(303);
    }

    [Fact]
    public async Task A_proxy_may_call_the_server_by_another_name_than_browsers_do()
    {
        await using var server = await TestServer.Start(new() { ["Hookway:PublicUrl"] = "http://hooks.example.com" });
        using var browser = new PageClient(server);
        var link = await OwnerLink(server);
        (await browser.Post(link, null, Ada, ("Origin", "http://hooks.example.com.evil.example"))).Expect(403);
        (await browser.Post(link, null, Ada, ("Origin", "http://hooks.example.com"))).Expect(303);
    }

    [Theory]
    [InlineData("/account?said=saved#top", true)]
    [InlineData("/w/ws_1/apps/app_1/recipients/a%7Cb", true)]
    [InlineData("//evil.example", false)]
    [InlineData("/\\evil.example", false)]
    [InlineData("/\t/evil.example", false)]
    [InlineData("\t//evil.example", false)]
    [InlineData("/\n/evil.example", false)]
    [InlineData("/\r\n/evil.example", false)]
    [InlineData("/\u0001/evil.example", false)]
    [InlineData("/\u007f/evil.example", false)]
    [InlineData("/a\t/../..//evil.example", false)]
    [InlineData("/a\\..\\..\\\\evil.example", false)]
    [InlineData("/\u00a0/evil.example", false)]
    [InlineData("/\uff0fevil.example", false)]
    [InlineData("https://evil.example", false)]
    [InlineData("https:evil.example", false)]
    [InlineData("javascript:alert(1)", false)]
    [InlineData(" //evil.example", false)]
    [InlineData("evil.example", false)]
    [InlineData("", false)]
    public async Task Sign_in_leads_on_to_pages_of_ours_alone(string asked, bool isOurs)
    {
        var server = fixture.Server;
        using var browser = await PageClient.SignedIn(server);
        var to = isOurs ? asked : "/";
        (await browser.Get("/sign-in?return=" + Uri.EscapeDataString(asked))).Expect(302).Location.ShouldBe(to);
        (await browser.Post("/theme", ("theme", "dark"), ("return", asked))).Expect(303).Location.ShouldBe(to);
    }

    [Fact]
    public async Task A_session_that_another_process_ended_is_over_on_every_page_at_once()
    {
        await using var server = await TestServer.Start();
        using var browser = await PageClient.SignedIn(server, email: "ada@example.com");
        using var phone = await SignedInAgain(server);
        using var tablet = await SignedInAgain(server);
        var ada = (await server.Services.GetRequiredService<UserStore>().FindByEmail("ada@example.com"))!;
        var sessions = await server.Services.GetRequiredService<SessionStore>().List(ada);
        // A node where there can be several, and a command's process on the embedded store.
        await using var node = PostgresDatabaseForTest.IsAsked ? await server.StartNode() : null;
        await using var command = ServerHost.BuildTools(server.Services.GetRequiredService<ServerSettings>());
        if (node is null)
        {
            await ServerHost.OpenExistingStore(command);
        }
        var elsewhere = (node?.Services ?? command).GetRequiredService<SessionStore>();

        (await elsewhere.End(ada.No, sessions[0].SessionId)).ShouldBeTrue();
        (await tablet.Get("/account")).Expect(303);
        (await phone.Get("/account")).Expect(200);
        (await elsewhere.End(ada.No, sessions[1].SessionId)).ShouldBeTrue();
        (await phone.Get("/sign-in")).Expect(200);
        (await browser.Get("/account")).Expect(200);
    }

    [Fact]
    public async Task Whoever_has_an_account_joins_a_second_workspace_by_signing_in_and_switches_between_them()
    {
        await using var server = await TestServer.Start();
        var key = await server.CreateWorkspace();
        using var browser = await PageClient.SignedIn(server, Roles.Viewer, "ada@example.com");
        var first = (await browser.Get("/")).Expect(302).Location!;
        var link = new Uri((await server.Post("/api/v1/members/invitations", new { email = "ada@example.com", role = "admin" }, key)).Expect(201).Text("url")).AbsolutePath;
        using var phone = new PageClient(server);
        (await phone.Get(link)).Expect(200).Text.ShouldContain("has an account here already");
        // Nobody gets into it by making another one.
        (await phone.Post(link, ("name", "Mallory"), ("password", "another long password"))).Expect(404);
        var signedIn = (await phone.Post("/sign-in", ("email", "ada@example.com"), ("password", PageClient.Password), ("return", link))).Expect(303);
        signedIn.Location.ShouldBe(link);
        using var stranger = await PageClient.SignedIn(server, Roles.Owner);
        (await stranger.Post(link)).Expect(400);

        (await phone.Get(link)).Expect(200).Text.ShouldContain("Join as ada@example.com");
        (await phone.Post(link)).Expect(302);

        // The browser that was signed in all the time sees it, too.
        var both = (await browser.Get(first)).Expect(200);
        var second = Regex.Matches(both.Html, "href=\"(/w/ws_[0-9a-z]+)\"").Select(match => match.Groups[1].Value).Distinct().Where(path => path != first).ShouldHaveSingleItem();
        (await browser.Get(second)).Expect(200).Text.ShouldContain("other");
        (await browser.Get(second + "/settings/members")).Expect(200).Text.ShouldContain("Invite someone");
        (await browser.Get(first + "/settings/members")).Expect(200).Text.ShouldNotContain("Invite someone");
        (await stranger.Get(second)).Expect(404);
    }

    private static async Task<PageClient> SignedInAgain(TestServer server)
    {
        var client = new PageClient(server);
        (await client.Post("/sign-in", ("email", "ada@example.com"), ("password", PageClient.Password))).Expect(303);
        (await client.Get("/account")).Expect(200);
        return client;
    }

    [Fact]
    public void Codes_are_those_of_the_standard()
    {
        var secret = "12345678901234567890"u8.ToArray();
        OneTimeCodes.CodeAt(secret, DateTimeOffset.FromUnixTimeSeconds(59)).ShouldBe("287082");
        OneTimeCodes.CodeAt(secret, DateTimeOffset.FromUnixTimeSeconds(1111111109)).ShouldBe("081804");
        OneTimeCodes.CodeAt(secret, DateTimeOffset.FromUnixTimeSeconds(20000000000)).ShouldBe("353130");
        OneTimeCodes.Text(secret).ShouldBe("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    private static async Task<string> OwnerLink(TestServer server) => (await server.Services.GetRequiredService<FirstStart>().MakeOwnerLink())!;

    private static string Ticket(string html) => html.Split("name=\"ticket\" value=\"")[1].Split('"')[0];

    private static string Alert(string text) => text.Split("Sign in")[2].Split("E-mail")[0].Trim();
}
