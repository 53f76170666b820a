using System.Text.Json;
using System.Text.RegularExpressions;
using Hookway.Access;
using Hookway.Access.Members;
using Hookway.Tests.Support;

namespace Hookway.Tests.Dashboard;

/// <summary>The pages of the dashboard: that they are there, what they let through, and for whom.</summary>
public partial class DashboardPagesTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Hostile = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'";

    private TestServer Server => fixture.Server;

    [Fact]
    public async Task Every_page_answers_with_strict_headers_and_shows_hostile_text_as_text()
    {
        var scene = await Scene();
        PageRoutes.Missing(Server, scene.Pages).Where(name => name.StartsWith("/w/", StringComparison.Ordinal) || name.StartsWith("/account", StringComparison.Ordinal)).ShouldBeEmpty();
        using var browser = await PageClient.SignedIn(Server);
        foreach (var path in scene.Pages)
        {
            var page = (await browser.Get(path)).Expect(200);
            page.Html.ShouldNotContain("<script>", customMessage: path);
            page.Html.ShouldNotContain("<img src=x", customMessage: path);
            InlineCode().Matches(page.Html).Select(match => match.Value).ShouldBeEmpty(path);
            OtherHost().Matches(page.Html).Select(match => match.Value).ShouldBeEmpty(path);
            page.Headers["Content-Security-Policy"].ShouldBe(
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
            page.Headers["Cache-Control"].ShouldBe("no-store");
            page.Headers["X-Content-Type-Options"].ShouldBe("nosniff");
            page.Headers["X-Frame-Options"].ShouldBe("DENY");
        }
        (await browser.Get(scene.Message)).Text.ShouldContain("<script>alert(1)</script>");
    }

    [Fact]
    public async Task Without_a_session_every_page_leads_to_sign_in_and_back()
    {
        var scene = await Scene();
        using var stranger = new PageClient(Server);
        foreach (var path in scene.Pages.Where(path => path != "/sign-in"))
        {
            var location = (await stranger.Get(path)).Expect(303).Location!;
            location.ShouldStartWith("/sign-in?return=%2F");
            Uri.UnescapeDataString(Uri.UnescapeDataString(location)).ShouldBe("/sign-in?return=" + Uri.UnescapeDataString(path));
        }
        (await stranger.Post(scene.Message + "/replay")).Expect(303).Location.ShouldBe("/sign-in");
    }

    [Fact]
    public async Task Another_workspace_is_not_there()
    {
        var scene = await Scene();
        var name = "elsewhere-" + Guid.NewGuid().ToString("N");
        await Server.CreateWorkspace(name);
        using var browser = await PageClient.SignedIn(Server, Roles.Owner, workspace: name);
        var theirs = (await Server.Services.GetRequiredService<WorkspaceStore>().Find(name))!.WorkspaceId;
        foreach (var path in scene.Pages.Where(path => path.StartsWith("/w/", StringComparison.Ordinal)))
        {
            (await browser.Get(path)).Expect(404);
            // The ids of one workspace under the address of another.
            if (path.Contains("/apps/", StringComparison.Ordinal) && !path.EndsWith("/apps/new", StringComparison.Ordinal))
            {
                (await browser.Get(Workspace().Replace(path, "/w/" + theirs))).Expect(404);
            }
        }
        (await browser.Post(Workspace().Replace(scene.Message, "/w/" + theirs) + "/replay")).Expect(404);
    }

    [Fact]
    public async Task A_viewer_sees_everything_and_no_way_to_change_it()
    {
        var scene = await Scene();
        using var viewer = await PageClient.SignedIn(Server, Roles.Viewer);
        var forms = new[] { "/theme", "/sign-out" };
        foreach (var path in scene.Pages.Where(path => path.StartsWith("/w/", StringComparison.Ordinal)))
        {
            var page = (await viewer.Get(path)).Expect(200);
            PostForm().Matches(page.Html).Select(match => match.Groups[1].Value).Except(forms).ShouldBeEmpty(path);
        }
        (await viewer.Post(scene.Message + "/replay")).Expect(403);
        (await viewer.Post(scene.Message + "/erase")).Expect(403);
        (await viewer.Post(scene.Endpoint + "/disable")).Expect(403);
        (await viewer.Post(scene.Endpoint + "/delete")).Expect(403);
        (await viewer.Post(scene.Endpoint + "/secret/reveal")).Expect(403);
        (await viewer.Post(scene.Base + "/apps", ("name", "x"))).Expect(403);
        (await viewer.Post(scene.Base + "/settings/keys", ("name", "x"), ("scope", "*"))).Expect(403);
        (await Server.Message(scene.AppId, scene.MessageId)).GetProperty("data").ValueKind.ShouldBe(JsonValueKind.Object);
    }

    [Fact]
    public async Task A_write_without_the_token_of_the_session_changes_nothing()
    {
        var scene = await Scene();
        using var browser = await PageClient.SignedIn(Server);
        using var other = await PageClient.SignedIn(Server);
        foreach (var token in new[] { null, "", other.FormToken })
        {
            (await browser.Post(scene.Message + "/erase", token, [])).Expect(400);
            (await browser.Post(scene.Endpoint + "/delete", token, [])).Expect(400);
        }
        (await Server.Message(scene.AppId, scene.MessageId)).GetProperty("data").ValueKind.ShouldBe(JsonValueKind.Object);
        (await Server.Get($"/api/v1/apps/{scene.AppId}/endpoints/{scene.EndpointId}")).Expect(200);
    }

    [Fact]
    public async Task An_endpoints_form_names_what_is_wrong_keeps_what_was_entered_and_keeps_masked_headers()
    {
        var scene = await Scene();
        using var browser = await PageClient.SignedIn(Server);
        var settings = scene.Endpoint + "/settings";
        var refused = (await browser.Post(
            settings, ("url", "ftp://example.com"), ("name", "Mine"), ("retryMaxAttempts", "99"), ("retryBackoffSeconds", "5"), ("headers", "x-secret: ••••••"))).Expect(400);
        refused.Html.ShouldContain("value=\"ftp://example.com\"");
        refused.Html.ShouldContain("id=\"f-url-error\"");
        refused.Html.ShouldContain("id=\"f-retryMaxAttempts-error\"");
        (await browser.Post(settings, ("url", "x"), ("filter", "[{}]"))).Expect(400).Html.ShouldContain("id=\"f-filter-error\"");
        (await browser.Post(settings, ("url", "x"), ("filter", "{"))).Expect(400).Html.ShouldContain("id=\"f-filter-error\"");
        (await browser.Post(settings, ("url", "x"), ("headers", "no colon"))).Expect(400).Html.ShouldContain("id=\"f-headers-error\"");
        var before = (await Server.Get($"/api/v1/apps/{scene.AppId}/endpoints/{scene.EndpointId}")).Expect(200);

        (await browser.Post(
            settings, ("url", before.Text("url")), ("name", "Mine"), ("type", "invoice.paid"), ("eventTypes", "order.*, other"), ("retryMaxAttempts", "3"), ("retryBackoffSeconds", "7"),
            ("filter", """[{"bodyPath":"amount","exists":true}]"""), ("headers", "x-secret: ••••••\nx-new: yes"), ("ordered", "true"))).Expect(303);

        var after = (await Server.Get($"/api/v1/apps/{scene.AppId}/endpoints/{scene.EndpointId}")).Expect(200).Body;
        after.GetProperty("name").GetString().ShouldBe("Mine");
        after.GetProperty("eventTypes").EnumerateArray().Select(type => type.GetString()).ShouldBe(["invoice.paid", "order.*", "other"]);
        after.GetProperty("retryMaxAttempts").GetInt32().ShouldBe(3);
        after.GetProperty("ordered").GetBoolean().ShouldBeTrue();
        after.GetProperty("headers").EnumerateObject().Select(header => header.Name).ShouldBe(["x-secret", "x-new"], ignoreOrder: true);

        (await browser.Post(settings, ("url", before.Text("url")), ("retryMaxAttempts", "3"), ("retryBackoffSeconds", "7"), ("headers", "x-new: ••••••"))).Expect(303);
        after = (await Server.Get($"/api/v1/apps/{scene.AppId}/endpoints/{scene.EndpointId}")).Expect(200).Body;
        after.GetProperty("headers").EnumerateObject().Select(header => header.Name).ShouldBe(["x-new"]);
        after.GetProperty("eventTypes").ValueKind.ShouldBe(JsonValueKind.Null);
        after.GetProperty("filter").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    [Fact]
    public async Task A_key_and_an_invitation_are_shown_once_and_work()
    {
        using var browser = await PageClient.SignedIn(Server);
        var workspace = (await Server.Services.GetRequiredService<WorkspaceStore>().First())!.WorkspaceId;
        var made = (await browser.Post($"/w/{workspace}/settings/keys", ("name", "From the page"), ("scope", "app:read"), ("days", "30"))).Expect(200);
        var key = Regex.Match(made.Html, "hwk_[A-Za-z0-9]{40}").Value;
        (await Server.Get("/api/v1/apps", key)).Expect(200);
        (await browser.Get($"/w/{workspace}/settings/keys")).Expect(200).Html.ShouldNotContain(key);
        var filled = (await browser.Post($"/w/{workspace}/settings/keys", ("name", "First calls"), ("scope", "app:write"), ("command", "curl <b>$HOOKWAY_KEY</b>"))).Expect(200);
        Regex.Replace(filled.Text, @"\s+", " ").ShouldMatch("export HOOKWAY_KEY=hwk_[A-Za-z0-9]{40} curl <b>\\$HOOKWAY_KEY</b>");
        filled.Html.ShouldNotContain("<b>$HOOKWAY_KEY");
        (await browser.Post($"/w/{workspace}/settings/keys", ("name", ""))).Expect(400).Html.ShouldContain("id=\"f-name-error\"");

        var email = $"{Guid.NewGuid():N}@example.com";
        var invited = (await browser.Post($"/w/{workspace}/settings/members/invite", ("email", email), ("role", "viewer"))).Expect(200);
        var link = Regex.Match(invited.Html, "/join/[A-Za-z0-9_-]+").Value;
        using var guest = new PageClient(Server);
        (await guest.Post(link, ("name", "Guest"), ("password", PageClient.Password))).Expect(303);
        (await guest.Get($"/w/{workspace}")).Expect(200);
    }

    [Fact]
    public async Task What_is_not_there_is_a_page_that_says_so()
    {
        using var browser = await PageClient.SignedIn(Server);
        var workspace = (await Server.Services.GetRequiredService<WorkspaceStore>().First())!.WorkspaceId;
        foreach (var path in new[] { $"/w/{workspace}/apps/app_none/messages", $"/w/{workspace}/replays/rpl_none", "/nothing/here" })
        {
            var page = (await browser.Get(path)).Expect(404);
            page.Headers["Content-Type"].ShouldStartWith("text/html");
            page.Html.ShouldContain("Nothing is here");
        }
        (await Server.Get("/api/v1/nothing")).Expect(404).ContentType.ShouldBe("application/problem+json");
    }

    private async Task<PageScene> Scene()
    {
        var workspace = (await Server.Services.GetRequiredService<WorkspaceStore>().First())!.WorkspaceId;
        var app = (await Server.Post("/api/v1/apps", new { name = Hostile })).Expect(201).Text("appId");
        (await Server.Put($"/api/v1/apps/{app}/event-types/invoice.paid", new { description = Hostile, examplePayload = new { text = Hostile } })).Expect(201);
        var recipient = "r|@:" + Guid.NewGuid().ToString("N")[..8];
        (await Server.Put($"/api/v1/apps/{app}/recipients/{Uri.EscapeDataString(recipient)}", new { name = Hostile, metadata = new { note = Hostile } })).Expect(201);
        fixture.Receiver.Respond(async (_, http) =>
        {
            http.Response.StatusCode = 200;
            http.Response.Headers["x-hostile"] = Hostile;
            await http.Response.WriteAsync(Hostile);
        });
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.Url, new { name = Hostile, headers = new Dictionary<string, string> { ["x-secret"] = "s3cret" } }, recipient);
        var message = await Server.Send(app, new { text = Hostile }, recipient);
        await Server.WaitForMessage(app, message, "succeeded");
        (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient, type = Hostile, data = new { } })).Expect(400);
        var replay = (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay", new { })).Expect(202).Text("replayId");
        var source = await Server.CreateSource(more: new { name = Hostile });
        var received = (await Server.DeliverGitHub(source, Guid.NewGuid().ToString(), new { action = Hostile, issue = new { id = 7, title = Hostile } }, type: Hostile.Replace("\"", ""), more: ("X-Hostile", Hostile))).Expect(200).Text("eventId");
        var forged = (await Server.Deliver(source.Path(), System.Text.Encoding.UTF8.GetBytes(Hostile), "text/html", headers: [("X-Hub-Signature-256", "sha256=" + Hostile)])).Expect(401);
        forged.Status.ShouldBe(401);
        var failed = (await Server.Events(source, "&signatureStatus=failed"))[0].GetProperty("eventId").GetString();
        var feed = $"/w/{workspace}/ingest/sources/{source.Id()}";
        var destination = (await Server.Post("/api/v1/ingest/destinations", new { name = Hostile, sourceId = source.Id(), endpointUrl = fixture.Receiver.Url })).Expect(201).Text("destinationId");
        var forwarded = (await Server.DeliverGitHub(source, Guid.NewGuid().ToString())).Expect(200).Text("eventId");
        await TestServer.Until(async () => (await Server.Event(forwarded)).GetProperty("status").GetString() == "succeeded");
        string? issue = null;
        await TestServer.Until(async () => (issue = (await Server.Get($"/api/v1/ingest/issues?sourceId={source.Id()}")).Expect(200).Items.Select(item => item.GetProperty("issueId").GetString()).FirstOrDefault()) is not null);
        var root = $"/w/{workspace}";
        var at = $"{root}/apps/{app}";
        var who = Uri.EscapeDataString(recipient);
        return new PageScene(
            root, app, endpoint, message, $"{at}/messages/{message}", $"{at}/endpoints/{endpoint}",
            [
                root, "/account", "/account/codes", $"{root}/apps", $"{root}/apps/new", $"{at}/messages", $"{at}/messages?q={Uri.EscapeDataString(Hostile)}", $"{at}/messages/{message}", $"{at}/messages/send",
                $"{at}/recipients", $"{at}/recipients/{who}", $"{at}/endpoints", $"{at}/endpoints/new", $"{at}/endpoints/{endpoint}", $"{at}/endpoints/{endpoint}/settings", $"{at}/endpoints/{endpoint}/secret",
                $"{at}/event-types", $"{at}/event-types/new", $"{at}/event-types/invoice.paid", $"{at}/settings", $"{root}/replays", $"{root}/replays/{replay}",
                $"{at}/explain", $"{at}/explain?recipient={who}&type=invoice.paid", $"{at}/explain?recipient={Uri.EscapeDataString(Hostile[..8])}nobody", $"{at}/refused", $"{root}/replays?status=running&kind=endpoint",
                $"{root}/ingest/sources", $"{root}/ingest/sources/new", $"{root}/ingest/sources/new?vendor=stripe", $"{root}/ingest/sources/new?vendor=custom", feed, $"{feed}/settings", $"{feed}/refused",
                $"{root}/ingest/events", $"{root}/ingest/events?q={Uri.EscapeDataString(Hostile)}", $"{root}/ingest/events/{received}", $"{root}/ingest/events/{received}?view=raw", $"{root}/ingest/events/{failed}",
                $"{feed}/destinations/new", $"{root}/ingest/destinations/{destination}", $"{root}/ingest/destinations/{destination}/settings", $"{root}/ingest/events/{forwarded}",
                $"{root}/issues", $"{root}/issues/{issue}", $"{root}/issues?q={Uri.EscapeDataString(Hostile)}",
                $"{root}/settings/keys", $"{root}/settings/members", $"{root}/settings/workspace", $"{root}/settings/audit",
            ]);
    }

    private sealed record PageScene(string Base, string AppId, string EndpointId, string MessageId, string Message, string Endpoint, IReadOnlyList<string> Pages);

    [GeneratedRegex("<[^>]*\\s(style|on[a-z]+)=\"|<style|<script(?![^>]* src=\"/assets/)|javascript:", RegexOptions.IgnoreCase)]
    private static partial Regex InlineCode();

    // A link that is followed by hand may lead elsewhere; nothing that is loaded or sent may.
    [GeneratedRegex("<(?!a\\s)[^>]*\\s(src|href|action)=\"(https?:)?//[^\"]*\"", RegexOptions.IgnoreCase)]
    private static partial Regex OtherHost();

    [GeneratedRegex("<form method=\"post\" action=\"([^\"]*)\"")]
    private static partial Regex PostForm();

    [GeneratedRegex("^/w/[^/]+")]
    private static partial Regex Workspace();
}
