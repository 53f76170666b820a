using System.Net;
using System.Text.RegularExpressions;
using Hookway.Access;
using Hookway.Portal;
using Hookway.Tests.Support;

namespace Hookway.Tests.Portal;

/// <summary>The portal: what its link lets one see and do, whom it keeps out, and that it can be framed.</summary>
public partial class PortalPagesTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Hostile = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'";

    private TestServer Server => fixture.Server;

    [Fact]
    public async Task Every_page_may_be_framed_sets_no_cookie_and_shows_hostile_text_as_text()
    {
        var scene = await Scene();
        PageRoutes.Missing(Server, scene.Pages.Append("/nothing").Select(path => scene.Portal + path)).Where(name => name.StartsWith("/portal", StringComparison.Ordinal)).ShouldBeEmpty();
        using var browser = new PageClient(Server);
        foreach (var path in scene.Pages)
        {
            var page = (await browser.Get(scene.Portal + path)).Expect(200);
            page.Headers["Content-Security-Policy"].ShouldBe(
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors *");
            page.Headers.Keys.ShouldNotContain("X-Frame-Options");
            page.Headers.Keys.ShouldNotContain("Set-Cookie");
            page.Headers["Referrer-Policy"].ShouldBe("no-referrer");
            page.Headers["Cache-Control"].ShouldBe("no-store");
            page.Html.ShouldNotContain("<script>", customMessage: path);
            page.Html.ShouldNotContain("<img src=x", customMessage: path);
            InlineCode().Matches(page.Html).Select(match => match.Value).ShouldBeEmpty(path);
            Address().Matches(page.Html).Select(match => match.Groups[2].Value).Where(url => !url.StartsWith(scene.Portal, StringComparison.Ordinal) && !url.StartsWith("/assets/", StringComparison.Ordinal)
                && url != "https://customer.example/settings" && url[0] != '#').ShouldBeEmpty(path);
        }
    }

    [Fact]
    public async Task Everything_that_a_customer_does_works_without_a_script_or_a_cookie()
    {
        var scene = await Scene();
        using var browser = new PageClient(Server);
        var bad = (await browser.Post(scene.Portal + "/endpoints", ("url", "nonsense"), ("name", "Kept"), ("retryMaxAttempts", "8"), ("retryBackoffSeconds", "5"))).Expect(400);
        bad.Html.ShouldContain("id=\"f-url-error\"");
        bad.Html.ShouldContain("value=\"Kept\"");
        var added = (await browser.Post(
            scene.Portal + "/endpoints", ("url", fixture.Receiver.UrlFor("/new").AbsoluteUri), ("name", "New"), ("type", "invoice.paid"), ("retryMaxAttempts", "8"), ("retryBackoffSeconds", "5"))).Expect(303);
        var endpoint = added.Location!.Split('?')[0];
        endpoint.ShouldStartWith(scene.Portal + "/endpoints/ep_");
        var id = endpoint.Split('/')[^1];

        var tested = (await browser.Post(endpoint + "/test", ("type", "invoice.paid"))).Expect(303).Location!;
        await Server.WaitForMessage(scene.AppId, tested.Split('/')[^1].Split('?')[0], "succeeded");
        (await browser.Get(tested)).Expect(200).Text.ShouldContain("succeeded");

        var secret = Secret((await browser.Post(endpoint + "/secret/reveal")).Expect(200).Html);
        (await browser.Get(endpoint + "/secret")).Expect(200).Html.ShouldNotContain(secret);
        var rotated = (await browser.Post(endpoint + "/secret/rotate", ("gracePeriodSeconds", "3600"))).Expect(200);
        Secret(rotated.Html).ShouldNotBe(secret);
        rotated.Text.ShouldContain("still signs as well");
        (await browser.Post(endpoint + "/secret/rotate", ("secret", "weak"))).Expect(400).Html.ShouldContain("id=\"f-secret-error\"");

        (await browser.Post(endpoint + "/edit", ("url", fixture.Receiver.UrlFor("/moved").AbsoluteUri), ("name", "Moved"), ("retryMaxAttempts", "3"), ("retryBackoffSeconds", "5"))).Expect(303);
        foreach (var change in new[] { "pause", "resume", "disable", "enable" })
        {
            (await browser.Post($"{endpoint}/{change}")).Expect(303);
        }
        var now = (await Server.Get($"/api/v1/apps/{scene.AppId}/endpoints/{id}")).Expect(200);
        now.Text("name").ShouldBe("Moved");
        now.Text("status").ShouldBe("healthy");
        now.Text("recipient").ShouldBe(scene.Recipient);

        (await browser.Post($"{scene.Portal}/messages/{scene.MessageId}/resend", ("endpointId", scene.EndpointId))).Expect(303);
        await Server.WaitForMessage(scene.AppId, scene.MessageId, found => found.GetProperty("deliveries")[0].GetProperty("attemptCount").GetInt32() == 2);
        (await browser.Post(endpoint + "/recover", ("hours", "24"), ("status", "missing"))).Expect(303);
        (await browser.Post(endpoint + "/delete")).Expect(303);
        (await browser.Get(endpoint)).Expect(404);
    }

    [Fact]
    public async Task Another_recipients_ids_are_not_there()
    {
        var scene = await Scene();
        var other = await Scene(scene.AppId);
        using var browser = new PageClient(Server);
        foreach (var path in new[] { $"/endpoints/{other.EndpointId}", $"/endpoints/{other.EndpointId}/edit", $"/endpoints/{other.EndpointId}/secret", $"/messages/{other.MessageId}", "/nothing" })
        {
            (await browser.Get(scene.Portal + path)).Expect(404);
        }
        foreach (var path in new[]
        {
            $"/endpoints/{other.EndpointId}/edit", $"/endpoints/{other.EndpointId}/disable", $"/endpoints/{other.EndpointId}/delete", $"/endpoints/{other.EndpointId}/test",
            $"/endpoints/{other.EndpointId}/secret/reveal", $"/endpoints/{other.EndpointId}/secret/rotate", $"/endpoints/{other.EndpointId}/recover", $"/messages/{other.MessageId}/resend",
        })
        {
            (await browser.Post(scene.Portal + path, ("url", "https://example.com"), ("name", "x"))).Expect(404);
        }
        var list = (await browser.Get(scene.Portal + "/messages?recipient=" + Uri.EscapeDataString(other.Recipient))).Expect(200).Html;
        list.ShouldContain(scene.MessageId);
        list.ShouldNotContain(other.MessageId);
        // A resend of one's own message to somebody else's endpoint.
        (await browser.Post($"{scene.Portal}/messages/{scene.MessageId}/resend", ("endpointId", other.EndpointId))).Expect(404);
    }

    [Theory]
    [InlineData(Capabilities.EndpointsRead, "200 200 200 403 403 403 403 403 403 403")]
    [InlineData(Capabilities.EndpointsWrite, "403 403 403 400 403 403 403 403 403 403")]
    [InlineData(Capabilities.MessagesRead, "403 403 403 403 200 200 403 403 403 403")]
    [InlineData(Capabilities.MessagesReplay, "403 403 403 403 403 403 303 303 403 403")]
    [InlineData(Capabilities.SecretsRotate, "403 403 403 403 403 403 403 403 403 403")]
    public async Task A_link_does_what_its_capabilities_say_and_no_more(string capability, string expected)
    {
        var scene = await Scene(capabilities: [capability]);
        using var browser = new PageClient(Server);
        var (endpoint, message) = ($"{scene.Portal}/endpoints/{scene.EndpointId}", $"{scene.Portal}/messages/{scene.MessageId}");
        string.Join(' ',
            (await browser.Get(scene.Portal + "/endpoints")).Status, (await browser.Get(endpoint)).Status, (await browser.Get(scene.Portal + "/catalog")).Status,
            (await browser.Post(scene.Portal + "/endpoints", ("url", "nonsense"))).Status, (await browser.Get(scene.Portal + "/messages")).Status, (await browser.Get(message)).Status,
            (await browser.Post(message + "/resend")).Status, (await browser.Post(endpoint + "/recover")).Status, (await browser.Post(endpoint + "/secret/reveal")).Status,
            (await browser.Get(endpoint + "/secret")).Status).ShouldBe(expected);
    }

    [Fact]
    public async Task A_link_that_only_rotates_shows_the_new_secret_and_not_the_old_one()
    {
        var scene = await Scene(capabilities: [Capabilities.EndpointsRead, Capabilities.SecretsRotate]);
        using var browser = new PageClient(Server);
        var endpoint = $"{scene.Portal}/endpoints/{scene.EndpointId}";
        (await browser.Post(endpoint + "/secret/reveal")).Expect(403);
        Secret((await browser.Post(endpoint + "/secret/rotate", ("gracePeriodSeconds", "0"))).Expect(200).Html)
            .ShouldBe((await Server.Get($"/api/v1/apps/{scene.AppId}/endpoints/{scene.EndpointId}/secret")).Text("secret"));
    }

    [Fact]
    public async Task A_revoked_link_says_so_and_leads_back_and_an_unknown_one_is_not_there()
    {
        var scene = await Scene();
        using var browser = new PageClient(Server);
        (await Server.Delete($"/api/v1/apps/{scene.AppId}/portal-sessions/{scene.SessionId}")).Expect(200);

        var over = (await browser.Get(scene.Portal + "/endpoints")).Expect(410);
        over.Text.ShouldContain("This link was closed");
        over.Html.ShouldContain("href=\"https://customer.example/settings\"");
        over.Headers["Content-Security-Policy"].ShouldEndWith("frame-ancestors *");
        (await browser.Post($"{scene.Portal}/endpoints/{scene.EndpointId}/delete")).Expect(410);
        (await Server.Get($"/api/v1/apps/{scene.AppId}/endpoints/{scene.EndpointId}")).Expect(200);
        (await browser.Get("/portal/hwp_" + new string('a', 40))).Expect(404);
        (await browser.Get("/portal/nonsense/endpoints")).Expect(404);
    }

    [Fact]
    public async Task The_theme_is_a_style_sheet_of_its_own_whose_colours_can_be_read()
    {
        var scene = await Scene(theme: new { mode = "dark", primaryColor = "#ffee00", fontFamily = "Georgia, Noto Sans" });
        using var browser = new PageClient(Server);
        (await browser.Get(scene.Portal)).Expect(200).Html.ShouldContain("data-theme=\"dark\"");
        var style = (await browser.Get(scene.Portal + "/theme.css")).Expect(200);
        style.Headers["Content-Type"].ShouldStartWith("text/css");
        style.Html.ShouldContain("--font:\"Georgia\",\"Noto Sans\"");
        foreach (var primary in new[] { "#ffee00", "#000000", "#ffffff", "#777777", "#e11d48", "#00ff7f" })
        {
            var css = PortalStyle.Of(new("auto", primary));
            var accent = Regex.Match(css, "--accent:light-dark\\((#.{6}),(#.{6})\\)");
            PortalStyle.Contrast(accent.Groups[1].Value, "#f7f8fa").ShouldBeGreaterThanOrEqualTo(PortalStyle.LeastContrast, css);
            PortalStyle.Contrast(accent.Groups[2].Value, "#191d27").ShouldBeGreaterThanOrEqualTo(PortalStyle.LeastContrast, css);
            var on = Regex.Match(css, "--on-accent:light-dark\\((#.{6}),(#.{6})\\)");
            PortalStyle.Contrast(accent.Groups[1].Value, on.Groups[1].Value).ShouldBeGreaterThanOrEqualTo(PortalStyle.LeastContrast, css);
            PortalStyle.Contrast(accent.Groups[2].Value, on.Groups[2].Value).ShouldBeGreaterThanOrEqualTo(PortalStyle.LeastContrast, css);
        }
    }

    private async Task<PortalScene> Scene(string? app = null, string[]? capabilities = null, object? theme = null)
    {
        app ??= (await Server.Post("/api/v1/apps", new { name = Hostile })).Expect(201).Text("appId");
        (await Server.Put($"/api/v1/apps/{app}/event-types/invoice.paid", new { description = Hostile, examplePayload = new { text = Hostile } })).Status.ShouldBeOneOf(200, 201);
        var recipient = "customer:" + Guid.NewGuid().ToString("N")[..8];
        fixture.Receiver.Respond(async (_, http) =>
        {
            http.Response.Headers["x-hostile"] = Hostile;
            await http.Response.WriteAsync(Hostile);
        });
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.Url, new { name = Hostile }, recipient);
        var message = await Server.Send(app, new { text = Hostile }, recipient);
        await Server.WaitForMessage(app, message, "succeeded");
        var session = (await Server.Post($"/api/v1/apps/{app}/portal-sessions", new { recipient, returnUrl = "https://customer.example/settings", theme, capabilities })).Expect(201);
        return new PortalScene(
            new Uri(session.Text("url")).AbsolutePath.TrimEnd('/'), session.Text("portalSessionId"), app, recipient, endpoint, message,
            [
                "", "/endpoints", "/endpoints/new", $"/endpoints/{endpoint}", $"/endpoints/{endpoint}?status=failed", $"/endpoints/{endpoint}/edit", $"/endpoints/{endpoint}/secret",
                "/messages", "/messages?status=succeeded&type=invoice.paid", $"/messages/{message}", "/catalog",
            ]);
    }

    private static string Secret(string html) => WebUtility.HtmlDecode(Regex.Match(html, "id=\"secret\">(whsec_[^<]+)<").Groups[1].Value);

    private sealed record PortalScene(
        string Portal, string SessionId, string AppId, string Recipient, string EndpointId, string MessageId, IReadOnlyList<string> Pages);

    [GeneratedRegex("<[^>]*\\s(style|on[a-z]+)=\"|<style|<script(?![^>]* src=\"/assets/)|javascript:", RegexOptions.IgnoreCase)]
    private static partial Regex InlineCode();

    [GeneratedRegex("<[^>]+ (src|href|action)=\"([^\"]*)\"", RegexOptions.IgnoreCase)]
    private static partial Regex Address();
}
