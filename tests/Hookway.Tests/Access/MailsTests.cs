using Hookway.Access.Mails;
using Hookway.Hosting;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Access;

/// <summary>Invitations and forgotten passwords by mail, over a real connection to a mail server.</summary>
public class MailsTests
{
    private const string Ada = "ada@example.com";

    [Fact]
    public async Task An_invitation_is_mailed_and_its_link_lets_in()
    {
        await using var mails = new MailServer();
        await using var server = await TestServer.Start(new(mails.Settings) { ["Hookway:Smtp:User"] = "hookway", ["Hookway:Smtp:Password"] = "pass word" });

        var made = (await server.Post("/api/v1/members/invitations", new { email = "Grace@Example.com", role = "member" })).Expect(201);

        made.Body.GetProperty("mailed").GetBoolean().ShouldBeTrue();
        var mail = await mails.WaitFor(1);
        mail.Login.ShouldBe(":hookway:pass word");
        mail.From.ShouldStartWith("MAIL FROM:<hookway@example.com>");
        mail.To.ShouldStartWith("RCPT TO:<grace@example.com>");
        mail.Text.ShouldContain("From: Hookway <hookway@example.com>");
        mail.Text.ShouldContain("Subject: Join default on Hookway");
        mail.Text.ShouldContain(made.Text("url"));
        made.Text("url").ShouldStartWith("http://hooks.example.com/join/");
        using var grace = new PageClient(server);
        (await grace.Post(mail.LinkPath, ("name", "Grace"), ("password", PageClient.Password))).Expect(303);

        using var owner = await PageClient.SignedIn(server);
        var workspace = (await owner.Get("/")).Location;
        (await owner.Post(workspace + "/settings/members/invite", ("email", "eve@example.com"), ("role", "viewer"))).Expect(200).Text.ShouldContain("on its way by mail");
        (await mails.WaitFor(2)).To.ShouldContain("eve@example.com");
    }

    [Fact]
    public async Task A_forgotten_password_is_replaced_by_a_mailed_link_that_nobody_else_gets()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var mails = new MailServer();
        await using var server = await TestServer.Start(mails.Settings, clock);
        using var browser = await PageClient.SignedIn(server, email: Ada);
        using var stranger = new PageClient(server);
        (await stranger.Get("/sign-in")).Expect(200).Html.ShouldContain("/forgotten-password");
        (await stranger.Get("/forgotten-password")).Expect(200).Text.ShouldContain("Mail me a link");
        (await stranger.Post("/forgotten-password", ("email", "nobody"))).Expect(400);

        var unknown = (await stranger.Post("/forgotten-password", ("email", "nobody@example.com"))).Expect(200);
        var known = (await stranger.Post("/forgotten-password", null, [("email", " ADA@example.com ")], ("X-Forwarded-Host", "evil.example"))).Expect(200);
        known.Html.ShouldBe(unknown.Html);
        // Asked for again at once, it is not sent again.
        (await stranger.Post("/forgotten-password", ("email", Ada))).Expect(200);
        await mails.WaitFor(1);
        clock.Advance(ResetMails.Pause);
        (await stranger.Post("/forgotten-password", ("email", Ada))).Expect(200);

        var mail = await mails.WaitFor(2);
        mails.Mails.Count.ShouldBe(2);
        mails.Mails.ShouldAllBe(sent => sent.To.StartsWith("RCPT TO:<ada@example.com>", StringComparison.Ordinal) && sent.Login == null);
        mail.Text.ShouldContain("http://hooks.example.com/reset-password/");
        (await stranger.Post(mail.LinkPath, ("password", "another long password"))).Expect(302);
        (await stranger.Post("/sign-in", ("email", Ada), ("password", "another long password"))).Expect(303);
        (await browser.Get("/account")).Expect(303);
        (await stranger.Get((await mails.WaitFor(1)).LinkPath)).Expect(404);
    }

    [Fact]
    public async Task A_mail_server_that_is_busy_is_tried_again_and_one_that_does_not_secure_its_way_gets_nothing()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var mails = new MailServer { Busy = 2 };
        await using var server = await TestServer.Start(mails.Settings, clock);
        (await server.Post("/api/v1/members/invitations", new { email = "grace@example.com", role = "member" })).Expect(201);
        await TestServer.Until(() =>
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            return mails.Mails.Count == 1;
        });
        mails.Connections.ShouldBe(3);

        await using var plain = new MailServer();
        await using var careful = await TestServer.Start(new(plain.Settings) { ["Hookway:Smtp:Security"] = "StartTls", ["Hookway:Smtp:User"] = "hookway", ["Hookway:Smtp:Password"] = "secret" }, clock);
        (await careful.Post("/api/v1/members/invitations", new { email = "grace@example.com", role = "member" })).Expect(201);
        await TestServer.Until(() =>
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            return plain.Connections == 3;
        });
        plain.Mails.ShouldBeEmpty();
    }

    [Fact]
    public async Task Without_a_mail_server_links_are_shown_and_nothing_is_promised()
    {
        await using var server = await TestServer.Start();
        (await server.Post("/api/v1/members/invitations", new { email = "grace@example.com", role = "member" })).Expect(201).Body.GetProperty("mailed").GetBoolean().ShouldBeFalse();
        using var browser = new PageClient(server);
        (await browser.Get("/forgotten-password")).Expect(200).Text.ShouldContain("reset-password --email");
        (await browser.Post("/forgotten-password", ("email", Ada))).Expect(503);
    }

    [Theory]
    [InlineData("Hookway:Smtp:From", "", "Hookway:Smtp:From is required")]
    [InlineData("Hookway:PublicUrl", "", "Hookway:PublicUrl is required")]
    [InlineData("Hookway:Smtp:From", "nobody", "Hookway:Smtp:From must be an e-mail address")]
    [InlineData("Hookway:Smtp:Port", "0", "Hookway:Smtp:Port must be")]
    [InlineData("Hookway:Smtp:Security", "1", "Hookway:Smtp:Security must be StartTls, Tls or None")]
    [InlineData("Hookway:Smtp:Host", "a b", "Hookway:Smtp:Host must be")]
    [InlineData("Hookway:Smtp:Username", "x", "Hookway:Smtp:Username is not a setting")]
    public async Task Settings_that_cannot_work_stop_the_start(string key, string value, string message)
    {
        await using var mails = new MailServer();
        var settings = new Dictionary<string, string?>(mails.Settings) { [key] = value };
        Should.Throw<SettingsException>(() => ServerSettings.From(new ConfigurationBuilder().AddInMemoryCollection(settings).Build())).Message.ShouldStartWith(message);
    }
}
