using System.Text.RegularExpressions;
using Hookway.Access;
using Hookway.Access.Members;
using Hookway.Dashboard.Overview;
using Hookway.Tests.Support;

namespace Hookway.Tests.Dashboard;

/// <summary>What support and operators look up in the dashboard: why, how well, how much, and what runs.</summary>
public class DispatchPagesTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task Why_a_customer_did_not_get_it_is_answered_by_one_page()
    {
        var app = await Server.CreateApp("invoice.paid", "invoice.created");
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.Url, new { eventTypes = new[] { "invoice.created" } }, "customer_123");
        var message = await Server.Send(app, recipient: "customer_123", type: "invoice.paid");
        using var browser = await PageClient.SignedIn(Server, Roles.Viewer);
        var at = $"{await Root()}/apps/{app}/explain";
        var answer = (await Server.Get($"/api/v1/apps/{app}/recipients/customer_123/explain?type=invoice.paid")).Expect(200).Text("answer");

        var page = (await browser.Get($"{at}?recipient=customer_123&type=invoice.paid")).Expect(200);

        page.Text.ShouldContain(answer);
        page.Html.ShouldContain($"/messages/{message}");
        page.Html.ShouldContain($"/endpoints/{endpoint}\"");
        (await browser.Get($"{at}?recipient=nobody")).Expect(200).Text.ShouldContain("nobody");
        (await browser.Get($"{at}?recipient=nobody&since=yesterday")).Expect(400).Text.ShouldContain("RFC 3339");
        (await browser.Get(at)).Expect(200).Html.ShouldNotContain("class=\"answer\"");
        (await browser.Get($"{await Root()}/explain?appId={app}&recipient=a%7Cb&type=invoice.paid")).Expect(303).Location.ShouldBe($"{at}?recipient=a%7Cb&type=invoice.paid");
        (await browser.Get($"{await Root()}/explain")).Expect(303).Location.ShouldBe(await Root() + "/apps");
    }

    [Fact]
    public async Task What_was_refused_is_listed_with_its_reason()
    {
        var app = await Server.CreateApp();
        (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "customer_9", type = "not.published", data = new { } })).Expect(400);
        using var browser = await PageClient.SignedIn(Server, Roles.Viewer);
        var page = (await browser.Get($"{await Root()}/apps/{app}/refused")).Expect(200);
        page.Text.ShouldContain("event_type_not_published");
        page.Text.ShouldContain("customer_9");
        (await browser.Get($"{await Root()}/apps/{app}/refused?recipient=other")).Expect(200).Text.ShouldContain("Nothing matches");
    }

    [Fact]
    public async Task A_replay_to_an_endpoint_is_begun_watched_and_canceled()
    {
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.Url);
        await Server.Send(app);
        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { paused = true })).Expect(200);
        await Server.Send(app);
        using var member = await PageClient.SignedIn(Server, Roles.Member);
        var page = $"{await Root()}/apps/{app}/endpoints/{endpoint}";

        var run = (await member.Post(page + "/replay", ("status", "all"), ("hours", "24"))).Expect(303).Location!.Split('?')[0];
        (await member.Get(run)).Expect(200).Html.ShouldContain($"action=\"{run}/cancel\"");
        using var viewer = await PageClient.SignedIn(Server, Roles.Viewer);
        (await viewer.Get(run)).Expect(200).Html.ShouldNotContain("/cancel\"");
        (await viewer.Post(run + "/cancel")).Expect(403);
        (await viewer.Post(page + "/replay", ("status", "all"), ("hours", "24"))).Expect(403);

        (await member.Post(run + "/cancel")).Expect(303).Location.ShouldBe(run + "?said=replay-canceled");
        await TestServer.Until(async () => (await Server.Get($"/api/v1/replays/{run.Split('/')[^1]}")).Expect(200).Text("status") == "canceled");
        (await member.Get(run)).Expect(200).Text.ShouldContain("canceled");
        (await member.Get(run)).Html.ShouldNotContain("/cancel\"");
        (await member.Post(page + "/replay", ("status", "some"), ("hours", "24"))).Expect(400);
        var since = (await member.Post(page + "/replay", ("status", "all"), ("hours", "24"), ("since", "2026-01-02T03:04"))).Expect(303).Location!.Split('?')[0];
        (await Server.Get($"/api/v1/replays/{since.Split('/')[^1]}")).Expect(200).Body.GetProperty("filter").GetProperty("since").GetString().ShouldBe("2026-01-02T03:04:00.000Z");
    }

    [Fact]
    public async Task An_endpoints_chart_counts_what_its_stats_count_in_the_time_that_is_asked_for()
    {
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.Url);
        for (var i = 0; i < 3; i++)
        {
            await Server.WaitForMessage(app, await Server.Send(app), "succeeded");
        }
        using var browser = await PageClient.SignedIn(Server, Roles.Viewer);
        foreach (var window in new[] { "", "?window=1h", "?window=7d", "?window=30d", "?window=nonsense" })
        {
            (await browser.Get($"{await Root()}/apps/{app}/endpoints/{endpoint}{window}")).Expect(200).Html.ShouldContain("aria-label=\"Attempts over time: 3 succeeded, 0 failed\"");
        }
    }

    [Fact]
    public async Task Limits_and_use_are_shown_to_all_and_changed_by_those_who_may()
    {
        var name = "use-" + Guid.NewGuid().ToString("N");
        await Server.CreateWorkspace(name);
        using var admin = await PageClient.SignedIn(Server, Roles.Admin, workspace: name);
        var workspace = (await Server.Services.GetRequiredService<WorkspaceStore>().Find(name))!;
        var path = $"/w/{workspace.WorkspaceId}/settings/workspace";
        (await admin.Get(path)).Expect(200).Html.ShouldContain("name=\"capability\"");
        (await admin.Post(path, ("name", ""))).Expect(400).Html.ShouldContain("id=\"f-name-error\"");
        (await admin.Post(path, ("name", "Renamed"), ("capability", "endpoints:read"))).Expect(303);
        (await admin.Get(path)).Expect(200).Text.ShouldContain("Renamed");
        using var viewer = await PageClient.SignedIn(Server, Roles.Viewer);
        (await viewer.Get($"{await Root()}/settings/workspace")).Expect(200).Html.ShouldNotContain("name=\"capability\"");
        (await viewer.Post($"{await Root()}/settings/workspace", ("name", "Mine"))).Expect(403);
    }

    [Fact]
    public async Task The_overview_counts_its_own_workspace_alone()
    {
        var name = "quiet-" + Guid.NewGuid().ToString("N");
        await Server.CreateWorkspace(name);
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, fixture.Receiver.Url);
        await Server.WaitForMessage(app, await Server.Send(app), "succeeded");
        var reader = Server.Services.GetRequiredService<OverviewReader>();
        var ours = await reader.Read((await Server.Services.GetRequiredService<WorkspaceStore>().First())!.No);
        var theirs = await reader.Read((await Server.Services.GetRequiredService<WorkspaceStore>().Find(name))!.No);
        ours.Accepted.Sum().ShouldBeGreaterThan(0);
        ours.Succeeded.ShouldBeGreaterThan(0);
        ours.Dispatch.Steps.Sum(step => step.Succeeded).ShouldBe(ours.Dispatch.Succeeded);
        ours.Ingest.Steps.Sum(step => step.Succeeded).ShouldBe(ours.Ingest.Succeeded);
        ours.P95.ShouldNotBeNull();
        theirs.Accepted.Sum().ShouldBe(0);
        (theirs.Succeeded + theirs.Failed + theirs.Dispatch.Steps.Concat(theirs.Ingest.Steps).Sum(step => step.Succeeded + step.Failed)).ShouldBe(0);
        theirs.P50.ShouldBeNull();
    }

    [Fact]
    public async Task Empty_lists_offer_their_command_with_a_key_to_those_who_may_make_one()
    {
        var name = "empty-" + Guid.NewGuid().ToString("N");
        var key = await Server.CreateWorkspace(name);
        var app = (await Server.Post("/api/v1/apps", new { name = "Empty" }, key)).Expect(201).Text("appId");
        var root = "/w/" + (await Server.Services.GetRequiredService<WorkspaceStore>().Find(name))!.WorkspaceId;
        using var admin = await PageClient.SignedIn(Server, Roles.Admin, workspace: name);
        using var member = await PageClient.SignedIn(Server, Roles.Member, workspace: name);
        foreach (var path in new[] { $"{root}/apps/{app}/messages", $"{root}/apps/{app}/endpoints", $"{root}/apps/{app}/event-types", $"{root}/ingest/sources" })
        {
            var page = (await admin.Get(path)).Expect(200);
            page.Text.ShouldContain("curl ");
            page.Html.ShouldContain($"action=\"{root}/settings/keys\"", customMessage: path);
            (await member.Get(path)).Expect(200).Html.ShouldNotContain("/settings/keys\" class=\"inline-form\"", customMessage: path);
        }
    }

    [Fact]
    public async Task Apps_are_listed_with_their_last_hour_and_what_fails_is_on_the_overview_whichever_half_it_is_of()
    {
        var name = "numbers-" + Guid.NewGuid().ToString("N");
        var key = await Server.CreateWorkspace(name);
        var app = (await Server.Post("/api/v1/apps", new { name = "Busy" }, key)).Expect(201).Text("appId");
        (await Server.Put($"/api/v1/apps/{app}/event-types/invoice.paid", new { }, key)).Expect(201);
        (await Server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = "good", url = fixture.Receiver.Url }, key)).Expect(201);
        for (var i = 0; i < 3; i++)
        {
            (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "good", type = "invoice.paid", data = new { } }, key)).Expect(202);
        }
        var source = (await Server.Post("/api/v1/ingest/sources", new { name = "Feed", vendor = "custom" }, key)).Expect(201).Body;
        (await Server.Post("/api/v1/ingest/destinations", new { name = "Nobody there", sourceId = source.Id(), endpointUrl = "http://127.0.0.1:9/" }, key)).Expect(201);
        var workspace = (await Server.Services.GetRequiredService<WorkspaceStore>().Find(name))!;
        for (var i = 0; i < 12; i++)
        {
            (await Server.Deliver(source.Path(), System.Text.Encoding.UTF8.GetBytes($$"""{"n":{{i}}}"""))).Expect(200);
        }
        var reader = Server.Services.GetRequiredService<OverviewReader>();
        await TestServer.Until(async () => (await reader.Read(workspace.No)) is { Failing.Count: 1, Dispatch.Succeeded: 3, Ingest.Failed: > 0 });
        using var viewer = await PageClient.SignedIn(Server, Roles.Viewer, workspace: name);
        var overview = (await viewer.Get("/w/" + workspace.WorkspaceId)).Expect(200);
        overview.Text.ShouldContain("Nobody there");
        overview.Html.ShouldContain("aria-label=\"Attempts of Dispatch in the last hour: 3 succeeded, 0 failed\"");
        var apps = Regex.Replace((await viewer.Get($"/w/{workspace.WorkspaceId}/apps")).Expect(200).Text, @"\s+", " ");
        apps.ShouldContain($"Busy {app} 3 100 % 0 ");
    }

    private async Task<string> Root() => "/w/" + (await Server.Services.GetRequiredService<WorkspaceStore>().First())!.WorkspaceId;
}
