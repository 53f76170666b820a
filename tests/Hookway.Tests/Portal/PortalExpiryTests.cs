using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Portal;

/// <summary>A portal link ends by itself.</summary>
public class PortalExpiryTests
{
    [Fact]
    public async Task An_expired_link_says_so_and_leads_back()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await TestServer.Start(clock: clock);
        var app = await server.CreateApp();
        var session = (await server.Post($"/api/v1/apps/{app}/portal-sessions", new { recipient = "c", returnUrl = "https://customer.example/", expiresInSeconds = 60 })).Expect(201);
        var portal = new Uri(session.Text("url")).AbsolutePath;
        using var browser = new PageClient(server);
        (await browser.Get(portal)).Expect(200);

        clock.Advance(TimeSpan.FromSeconds(60));

        var over = (await browser.Get(portal)).Expect(410);
        over.Text.ShouldContain("This link has expired");
        over.Html.ShouldContain("href=\"https://customer.example/\"");
        (await browser.Get(portal.TrimEnd('/') + "/messages")).Expect(410);
        (await browser.Get(portal.TrimEnd('/') + "/theme.css")).Expect(200);
    }
}
