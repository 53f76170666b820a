using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Hookway.Access;
using Hookway.Access.Members;
using Hookway.Tests.Support;

namespace Hookway.Tests.Dashboard;

/// <summary>Sources, the ledger and issues in the dashboard: what the pages show and do, and for whom.</summary>
public class IngestPagesTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task A_source_is_made_from_a_vendors_tile_and_set_up()
    {
        using var member = await PageClient.SignedIn(Server, Roles.Member);
        var sources = await Root() + "/ingest/sources";
        var tiles = (await member.Get(sources + "/new?q=strip")).Expect(200);
        tiles.Html.ShouldContain("?vendor=stripe\"");
        tiles.Html.ShouldNotContain("?vendor=github\"");
        (await member.Get(sources + "/new?vendor=stripe")).Expect(200).Text.ShouldContain("Workbench");

        (await member.Post(sources, ("vendor", "stripe"), ("name", ""), ("retentionDays", "x"))).Expect(400).Html.ShouldContain("id=\"f-name-error\"");
        var made = (await member.Post(sources, ("vendor", "stripe"), ("name", "Stripe live"), ("signingSecret", "whsec_one\n whsec_two "), ("forwardDuplicates", "true"))).Expect(303).Location!.Split('?')[0];

        var source = (await Server.Get("/api/v1/ingest/sources/" + made.Split('/')[^1])).Expect(200);
        source.Body.GetProperty("hasSigningSecret").GetBoolean().ShouldBeTrue();
        source.Body.GetProperty("forwardDuplicates").GetBoolean().ShouldBeTrue();
        var page = (await member.Get(made)).Expect(200);
        page.Text.ShouldContain(source.Text("ingestUrl"));
        page.Text.ShouldContain("Waiting for the first event");
        page.Html.ShouldNotContain("whsec_one");

        (await member.Post(made + "/settings", ("name", "Stripe"), ("signingSecret", ""))).Expect(303);
        (await Server.Get("/api/v1/ingest/sources/" + made.Split('/')[^1])).Body.GetProperty("hasSigningSecret").GetBoolean().ShouldBeTrue();
        (await member.Post(made + "/settings", ("name", "Stripe"), ("removeSecret", "true"))).Expect(303);
        (await Server.Get("/api/v1/ingest/sources/" + made.Split('/')[^1])).Body.GetProperty("hasSigningSecret").GetBoolean().ShouldBeFalse();
        (await member.Post(made + "/disable")).Expect(303);
        (await member.Get(made)).Expect(200).Text.ShouldContain("not forwarding");
        (await member.Post(made + "/rotate", ("gracePeriodSeconds", "0"))).Expect(303);
        (await member.Get(made)).Expect(200).Text.ShouldNotContain(source.Text("ingestUrl"));
        (await member.Post(made + "/archive")).Expect(303);
        (await member.Get(sources)).Expect(200).Html.ShouldNotContain(made + "\"");
        (await member.Get(sources + "?archived=yes")).Expect(200).Html.ShouldContain(made + "\"");
    }

    [Fact]
    public async Task A_custom_sources_scheme_is_entered_and_what_is_wrong_is_named()
    {
        using var member = await PageClient.SignedIn(Server, Roles.Member);
        var sources = await Root() + "/ingest/sources";
        (await member.Post(sources, ("vendor", "custom"), ("name", "Mine"), ("verification.algorithm", "hmac-sha256"))).Expect(400).Html.ShouldContain("id=\"f-v-verification.header-error\"");
        var made = (await member.Post(
            sources, ("vendor", "custom"), ("name", "Mine"), ("signingSecret", "s3cret"), ("verification.algorithm", "token"), ("verification.header", "X-Token"), ("verification.eventTypePath", "kind"))).Expect(303).Location!.Split('?')[0];
        var source = (await Server.Get("/api/v1/ingest/sources/" + made.Split('/')[^1])).Expect(200).Body;
        source.GetProperty("verification").GetProperty("header").GetString().ShouldBe("X-Token");
        (await Server.Deliver(source.Path(), """{"kind":"order.made"}"""u8.ToArray(), headers: [("X-Token", "s3cret")])).Expect(200);
        (await member.Get(made)).Expect(200).Text.ShouldContain("order.made");
        (await member.Get(made + "/settings")).Expect(200).Html.ShouldContain("value=\"X-Token\"");
    }

    [Fact]
    public async Task What_is_expected_of_a_feed_is_set_on_its_page()
    {
        var source = await Server.CreateSource("stripe");
        using var member = await PageClient.SignedIn(Server, Roles.Member);
        var at = $"{await Root()}/ingest/sources/{source.Id()}/settings";
        var rules = Regex.Matches((await member.Get(at)).Expect(200).Html, "name=\"rule\" value=\"([^\"]+)\"").Select(match => match.Groups[1].Value).ToList();
        rules.ShouldContain("late");
        rules.Count.ShouldBeGreaterThan(5);
        var form = rules.Where(rule => rule != "silence").Select(rule => ("rule", (string?)rule));

        (await member.Post(at.Replace("/settings", "/expectations", StringComparison.Ordinal), [.. form, ("seconds.late", "60")])).Expect(303);

        var expectations = (await Server.Get("/api/v1/ingest/sources/" + source.Id())).Expect(200).Body.GetProperty("expectations");
        expectations.GetProperty("late").GetInt32().ShouldBe(60);
        expectations.GetProperty("silence").ValueKind.ShouldBe(JsonValueKind.Null);
        expectations.EnumerateObject().Count().ShouldBe(2);
        (await member.Post(at.Replace("/settings", "/expectations", StringComparison.Ordinal), [.. form, ("seconds.late", "1")])).Expect(400).Text.ShouldContain("must be from 10 to");
        using var viewer = await PageClient.SignedIn(Server, Roles.Viewer);
        (await viewer.Get(at)).Expect(200).Text.ShouldContain("within 60 s");
    }

    [Fact]
    public async Task A_viewer_sees_the_feed_without_the_token_and_changes_nothing()
    {
        var source = await Server.CreateSource();
        (await Server.DeliverGitHub(source, "one")).Expect(200);
        var at = $"{await Root()}/ingest/sources/{source.Id()}";
        using var viewer = await PageClient.SignedIn(Server, Roles.Viewer);
        (await viewer.Get(at)).Expect(200).Text.ShouldNotContain(source.Path());
        foreach (var (path, fields) in new (string, (string, string?)[])[] { ("/settings", [("name", "x")]), ("/rotate", []), ("/disable", []), ("/archive", []) })
        {
            (await viewer.Post(at + path, fields)).Expect(403);
        }
        (await viewer.Post(await Root() + "/ingest/sources", ("vendor", "stripe"), ("name", "x"))).Expect(403);
        (await Server.Get("/api/v1/ingest/sources/" + source.Id())).Expect(200).Text("name").ShouldBe("github feed");
    }

    [Fact]
    public async Task The_ledger_is_filtered_by_its_address()
    {
        var source = await Server.CreateSource();
        var pushed = (await Server.DeliverGitHub(source, "p", type: "push")).Expect(200).Text("eventId");
        var opened = (await Server.DeliverGitHub(source, "i")).Expect(200).Text("eventId");
        (await Server.DeliverGitHub(source, "forged", secret: "wrong")).Expect(401);
        using var viewer = await PageClient.SignedIn(Server, Roles.Viewer);
        var ledger = $"{await Root()}/ingest/events?sourceId={source.Id()}";
        var all = (await viewer.Get(ledger)).Expect(200);
        all.Html.ShouldContain($"id=\"row-{pushed}\"");
        all.Html.ShouldContain($"id=\"row-{opened}\"");
        (await viewer.Get(ledger + "&type=push")).Expect(200).Html.ShouldNotContain(opened);
        (await viewer.Get(ledger + "&signatureStatus=failed")).Expect(200).Html.ShouldNotContain(pushed);
        (await viewer.Get(ledger + "&q=" + pushed)).Expect(200).Html.ShouldContain($"id=\"row-{pushed}\"");
        (await viewer.Get(ledger + "&signatureStatus=perhaps")).Expect(400);
        // A replay of all that match never takes more than is shown.
        using var member = await PageClient.SignedIn(Server, Roles.Member);
        foreach (var more in new[] { "&entityKey=7", "&signatureStatus=verified", "&type=iss*" })
        {
            (await member.Get(ledger + more)).Expect(200).Html.ShouldNotContain("/events/count\"", customMessage: more);
        }
        (await member.Get(ledger + "&type=push&q=p")).Expect(200).Html.ShouldContain("/events/count\"");
    }

    [Fact]
    public async Task An_events_page_shows_what_was_compared_and_checks_it_again_with_the_right_secret()
    {
        var source = await Server.CreateSource(secret: "mistyped");
        (await Server.DeliverGitHub(source, "one")).Expect(401);
        var id = (await Server.Events(source))[0].GetProperty("eventId").GetString();
        using var member = await PageClient.SignedIn(Server, Roles.Member);
        var at = $"{await Root()}/ingest/events/{id}";
        var page = (await member.Get(at)).Expect(200);
        page.Text.ShouldContain("none matched");
        page.Text.ShouldContain("hmac-sha256");
        page.Text.ShouldContain("Never forwarded");

        (await Server.Patch($"/api/v1/ingest/sources/{source.Id()}", new { signingSecret = IngestClient.Secret })).Expect(200);
        (await member.Post(at + "/verify")).Expect(200).Text.ShouldContain("Checked again");
        (await member.Get(at)).Expect(200).Text.ShouldContain("It is genuine");
        using var viewer = await PageClient.SignedIn(Server, Roles.Viewer);
        (await viewer.Get(at)).Expect(200).Html.ShouldNotContain("/verify\"");
        (await viewer.Post(at + "/verify")).Expect(403);
    }

    [Fact]
    public async Task A_destination_is_previewed_added_and_what_matches_is_counted_and_forwarded_again()
    {
        var source = await Server.CreateSource();
        var first = (await Server.DeliverGitHub(source, "one")).Expect(200).Text("eventId");
        using var member = await PageClient.SignedIn(Server, Roles.Member);
        var at = $"{await Root()}/ingest/sources/{source.Id()}/destinations";
        var preview = (await member.Post(at + "/preview", ("transformBodyPath", "issue"), ("transformExpression", "{number: id}"))).Expect(200).Text;
        string.Concat(preview.Where(letter => !char.IsWhiteSpace(letter))).ShouldContain("{\"number\":7}");
        (await member.Post(at + "/preview", ("transformExpression", "{{"))).Expect(200).Text.ShouldContain("is not a JMESPath expression");
        (await member.Post(at + "/preview", ("transformBodyPath", "nowhere"))).Expect(200).Text.ShouldContain("The body has nothing at nowhere.");
        // By the filter of the form, and of a form's JSON as forwarding reads it.
        (await member.Post(at + "/preview", ("filterEventTypes", "push, other.*"))).Expect(200).Text.ShouldContain("would not be forwarded");
        (await member.Post(at + "/preview", ("filterEventTypes", "issues.*"), ("filterBodyPath", "issue.id"), ("filterBodyValue", "7"))).Expect(200).Text.ShouldNotContain("would not be forwarded");
        var forms = await Server.CreateSource("custom", secret: null);
        (await Server.Deliver(forms.Path(), Encoding.UTF8.GetBytes("payload=%7B%22kind%22%3A%22order%22%7D"), "application/x-www-form-urlencoded")).Expect(200);
        (await member.Post($"{await Root()}/ingest/sources/{forms.Id()}/destinations/preview", ("transformExpression", "kind"))).Expect(200).Text.ShouldContain("\"order\"");
        (await member.Post(at, ("name", "Billing"), ("endpointUrl", "nowhere"))).Expect(400).Html.ShouldContain("id=\"f-endpointUrl-error\"");
        (await member.Post(at, ("name", "Billing"), ("endpointUrl", "https://example.com/"), ("headers", "no colon"))).Expect(400).Html.ShouldContain("id=\"f-headers-error\"");

        var made = (await member.Post(at, ("name", "Billing"), ("endpointUrl", fixture.Receiver.Url.AbsoluteUri), ("filterEventTypes", "issues.*"), ("headers", "x-tenant: acme"), ("ordered", "true"))).Expect(303).Location!.Split('?')[0];
        var known = (await Server.Get("/api/v1/ingest/destinations/" + made.Split('/')[^1])).Expect(200).Body;
        known.GetProperty("ordered").GetBoolean().ShouldBeTrue();
        (await member.Post(made + "/settings", ("name", "Renamed"), ("endpointUrl", fixture.Receiver.Url.AbsoluteUri), ("headers", "x-tenant: ••••••"))).Expect(303);
        known = (await Server.Get("/api/v1/ingest/destinations/" + made.Split('/')[^1])).Expect(200).Body;
        known.GetProperty("name").GetString().ShouldBe("Renamed");
        known.GetProperty("filterEventTypes").ValueKind.ShouldBe(JsonValueKind.Null);
        known.GetProperty("headers").EnumerateObject().Select(header => header.Name).ShouldBe(["x-tenant"]);

        var events = await Root() + "/ingest/events";
        (await member.Post(events + "/count", ("sourceId", source.Id()), ("status", "skipped"))).Expect(200).Text.ShouldContain("1 delivery would be forwarded again.");
        (await Server.Event(first)).GetProperty("deliveries").GetArrayLength().ShouldBe(0);
        var run = (await member.Post(events + "/replay", ("sourceId", source.Id()), ("status", "skipped"))).Expect(303).Location!;
        run.ShouldContain("/replays/rpl_");
        await TestServer.Until(async () => (await Server.Event(first)).GetProperty("status").GetString() == "succeeded");
        (await member.Post($"{events}/{first}/replay")).Expect(303);
        (await member.Post(events, ("event", first))).Expect(303);
        (await member.Post(events)).Expect(404);
        await TestServer.Until(async () => (await Server.Get($"/api/v1/ingest/attempts?eventId={first}")).Expect(200).Items.Length >= 2);
        var shown = (await member.Get($"{events}/{first}")).Expect(200);
        shown.Text.ShouldContain("Renamed");
        shown.Html.ShouldContain("class=\"chart timeline\"");
        shown.Text.ShouldContain("curl -X 'POST'");
        shown.Text.ShouldContain("--data-raw '{\"action\":\"opened\"");
        (await member.Post(events + "/count", ("destinationId", made.Split('/')[^1]), ("status", "succeeded"))).Expect(200).Text.ShouldContain("would be forwarded again.");
        (await member.Get(made)).Expect(200).Text.ShouldContain(first);
        (await member.Post(made + "/delete")).Expect(303);
    }

    [Fact]
    public async Task An_events_bytes_are_saved_as_they_came_and_never_shown_as_a_page()
    {
        var source = await Server.CreateSource("custom", secret: null);
        var body = Encoding.UTF8.GetBytes("<script>alert(1)</script>");
        var id = (await Server.Deliver(source.Path(), body, "text/html")).Expect(200).Text("eventId");
        using var viewer = await PageClient.SignedIn(Server, Roles.Viewer);
        var saved = (await viewer.Get($"{await Root()}/ingest/events/{id}/body")).Expect(200);
        saved.Html.ShouldBe(Encoding.UTF8.GetString(body));
        saved.Headers["Content-Type"].ShouldBe("application/octet-stream");
        saved.Headers["Content-Disposition"].ShouldStartWith("attachment");
        saved.Headers["X-Content-Type-Options"].ShouldBe("nosniff");
        (await viewer.Get($"{await Root()}/ingest/events/{id}")).Expect(200).Html.ShouldNotContain("<script>alert");
    }

    [Fact]
    public async Task An_issue_is_acknowledged_ignored_and_resolved_by_those_who_may()
    {
        var app = await Server.CreateApp();
        fixture.Receiver.RespondWith(410);
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.Url);
        await Server.Send(app);
        JsonElement issue = default;
        await TestServer.Until(async () => (issue = (await Server.Get($"/api/v1/ingest/issues?endpointId={endpoint}")).Expect(200).Items.FirstOrDefault()).ValueKind == JsonValueKind.Object);
        fixture.Receiver.RespondWith(200);
        var id = issue.GetProperty("issueId").GetString()!;
        var at = $"{await Root()}/issues/{id}";
        using var viewer = await PageClient.SignedIn(Server, Roles.Viewer);
        var page = (await viewer.Get(at)).Expect(200);
        page.Text.ShouldContain(issue.GetProperty("title").GetString()!);
        page.Html.ShouldContain($"/endpoints/{endpoint}\"");
        page.Html.ShouldContain("id=\"row-msg_");
        page.Html.ShouldNotContain("/resolve\"");
        (await viewer.Post(at + "/resolve")).Expect(403);
        (await viewer.Get($"{await Root()}/issues?endpointId={endpoint}")).Expect(200).Html.ShouldContain(at + "\"");

        using var member = await PageClient.SignedIn(Server, Roles.Member);
        foreach (var (verb, status) in new[] { ("acknowledge", "acknowledged"), ("ignore", "ignored"), ("resolve", "resolved") })
        {
            (await member.Post($"{at}/{verb}")).Expect(303).Location.ShouldBe($"{at}?said=issue-{verb}");
            (await Server.Get($"/api/v1/ingest/issues/{id}")).Expect(200).Text("status").ShouldBe(status);
        }
        (await member.Post($"{await Root()}/issues", ("verb", "resolve"))).Expect(400);
        (await member.Get($"{await Root()}/issues?status=nonsense")).Expect(400);
    }

    private async Task<string> Root() => "/w/" + (await Server.Services.GetRequiredService<WorkspaceStore>().First())!.WorkspaceId;
}
