using Hookway.Issues;
using Hookway.Retention;
using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Issues;

/// <summary>The list of issues, and what people decide about them.</summary>
public sealed class IssuesApiTests : IAsyncLifetime
{
    private IssueScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await IssueScene.Start();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task Issues_are_filtered_searched_and_paged()
    {
        await See("a", IssueKind.Silence, new IssueSubject("src_0001", EntityKey: "cus_42"), [new SeenItem(1, "evt_0001"), new SeenItem(2, "evt_0002")], "Acme sends 100 % less");
        await See("b", IssueKind.DeliveryFailed, new IssueSubject("src_0002", "dst_0001"), [new SeenItem(3, "evt_0003")], "Orders fail");
        await See("c", IssueKind.DeliveryFailed, new IssueSubject(AppId: "app_0001", EndpointId: "ep_0001", Recipient: "customer_7"), [new SeenItem(4, "own-id")], "Production fails");
        var all = await _scene.Issues();
        all.Select(issue => issue.Text("title")).ShouldBe(["Production fails", "Orders fail", "Acme sends 100 % less"]);
        (await _scene.Move("acknowledge", all[2].Text("issueId"))).Expect(200);

        (string Query, string Found)[] cases =
        [
            ("?kind=silence", "a"), ("?kind=delivery_failed", "cb"), ("?status=acknowledged", "a"), ("?status=open&kind=delivery_failed", "cb"), ("?status=resolved", ""),
            ("?sourceId=src_0001", "a"), ("?destinationId=dst_0001", "b"), ("?appId=app_0001", "c"), ("?endpointId=ep_0001", "c"), ("?endpointId=ep_9", ""),
            ("?q=src_000", "ba"), ("?q=dst_", "b"), ("?q=evt_0002", "a"), ("?q=evt_", "ba"), ("?q=own-", "c"), ("?q=ep_0001", "c"), ("?q=app_0001", "c"),
            ("?q=anom_", "cba"), ($"?q={all[1].Text("issueId")}", "b"), ("?q=FAIL", "cb"), ("?q=customer_7", "c"), ("?q=cus_42", "a"), ("?q=100%20%25%20less", "a"), ("?q=%25x", ""),
            ("?q=customerx7", ""),
        ];
        foreach (var (query, found) in cases)
        {
            var titles = (await _scene.Issues(query)).Select(issue => issue.Text("title"));
            string.Concat(titles.Select(title => title[0] switch { 'A' => 'a', 'O' => 'b', _ => 'c' })).ShouldBe(found, query);
        }
        var page = (await _scene.Server.Get(IssueScene.Route + "?limit=2")).Expect(200);
        page.Items.Length.ShouldBe(2);
        (await _scene.Server.Get($"{IssueScene.Route}?limit=2&cursor={page.Text("nextCursor")}")).Expect(200).Items.ShouldHaveSingleItem().Text("title").ShouldStartWith("Acme");
    }

    [Fact]
    public async Task What_is_decided_is_in_the_audit_log_and_all_or_nothing()
    {
        await See("a");
        await See("b");
        var ids = (await _scene.Issues()).Select(issue => issue.Text("issueId")).ToArray();

        (await _scene.Move("resolve", [.. ids, "anom_unknown"])).ExpectCode(404, "not_found");
        (await _scene.Issues()).ShouldAllBe(issue => issue.Text("status") == "open");
        var moved = (await _scene.Move("resolve", [.. ids, ids[0]])).Expect(200).Items;
        moved.ShouldAllBe(issue => issue.Text("status") == "resolved" && issue.Text("resolvedBy").StartsWith("key_"));

        var entries = (await _scene.Server.Get("/api/v1/audit-log")).Expect(200).Items.Where(entry => entry.Text("action") == "issue.resolved").ToList();
        entries.Select(entry => entry.Text("object")).ShouldBe(ids, ignoreOrder: true);
        entries[0].GetProperty("before").Text("status").ShouldBe("open");
        (await _scene.Server.Post(IssueScene.Route + "/resolve", new { issueIds = Array.Empty<string>() })).ExpectInvalid("issueIds");
        (await _scene.Server.Post(IssueScene.Route + "/resolve", new { issueIds = Enumerable.Repeat("anom_x", 251) })).ExpectInvalid("issueIds");
    }

    [Fact]
    public async Task What_is_over_stays_over_and_may_be_ignored_while_nothing_newer_has_its_cause()
    {
        await See("a");
        var first = (await _scene.Issue()).Text("issueId");
        (await _scene.Move("resolve", first)).Expect(200);
        (await _scene.Move("acknowledge", first)).Expect(200).Items[0].Text("status").ShouldBe("resolved");
        await See("a");
        (await _scene.Move("ignore", first)).Expect(200).Items[0].Text("status").ShouldBe("resolved", "the newer one is to be ignored");
        var second = (await _scene.Issues())[0].Text("issueId");
        (await _scene.Move("resolve", second)).Expect(200);
        (await _scene.Move("ignore", first, second)).Expect(200).Items.Select(issue => issue.Text("status")).ShouldBe(["ignored", "resolved"]);
        await See("a");
        (await _scene.Issues()).Select(issue => (issue.Text("status"), issue.Count())).ShouldBe([("resolved", 1), ("ignored", 2)]);
        (await _scene.Move("acknowledge", first)).Expect(200).Items[0].Text("status").ShouldBe("acknowledged");
    }

    [Fact]
    public async Task Another_workspace_sees_and_changes_nothing()
    {
        await See("a");
        var id = (await _scene.Issue()).Text("issueId");
        var stranger = await _scene.Server.CreateWorkspace();
        (await _scene.Server.Get(IssueScene.Route, stranger)).Expect(200).Items.ShouldBeEmpty();
        (await _scene.Server.Get($"{IssueScene.Route}/{id}", stranger)).ExpectCode(404, "not_found");
        foreach (var verb in (string[])["resolve", "acknowledge", "ignore"])
        {
            (await _scene.Server.Post($"{IssueScene.Route}/{verb}", new { issueIds = new[] { id } }, stranger)).ExpectCode(404, "not_found");
        }
        (await _scene.Server.Get($"{IssueScene.Route}/{id}")).Expect(200).Text("status").ShouldBe("open");
    }

    [Fact]
    public async Task The_last_items_are_kept_and_what_is_not_seen_again_ends()
    {
        for (var i = 1; i <= Issue.MostItems + 5; i++)
        {
            await See("a", items: [new SeenItem(i, $"evt_{i:0000}")], overAfter: TimeSpan.FromHours(24));
        }
        var issue = await _scene.Issue();
        issue.Count().ShouldBe(Issue.MostItems + 5);
        issue.Texts("eventIds").ShouldBe(Enumerable.Range(6, Issue.MostItems).Select(i => $"evt_{i:0000}"));
        await _scene.Pass(TimeSpan.FromHours(23));
        await See("a", overAfter: TimeSpan.FromHours(24));
        await _scene.Pass(TimeSpan.FromHours(23));
        (await _scene.Issue()).Text("status").ShouldBe("open");
        await _scene.Pass(TimeSpan.FromHours(1));
        issue = await _scene.Issue();
        (issue.Text("status"), issue.Text("resolvedBy")).ShouldBe(("resolved", "system"));
    }

    [Fact]
    public async Task What_was_resolved_goes_with_the_history_and_the_rest_stays()
    {
        var clock = new ShiftedClock();
        await using var server = await TestServer.Start(clock: clock);
        await SeeOn(server, clock, "a");
        await SeeOn(server, clock, "b");
        await SeeOn(server, clock, "c");
        var ids = (await server.Get(IssueScene.Route)).Items.Select(issue => issue.Text("issueId")).ToArray();
        (await server.Post(IssueScene.Route + "/resolve", new { issueIds = ids[..1] })).Expect(200);
        (await server.Post(IssueScene.Route + "/ignore", new { issueIds = ids[1..2] })).Expect(200);
        var retention = server.Services.GetRequiredService<RetentionRunner>();
        clock.Skip(TimeSpan.FromDays(29));
        (await retention.RunOnce(TestContext.Current.CancellationToken)).ShouldBeTrue();
        (await server.Get(IssueScene.Route)).Items.Length.ShouldBe(3);
        clock.Skip(TimeSpan.FromDays(1.1));
        (await retention.RunOnce(TestContext.Current.CancellationToken)).ShouldBeTrue();
        (await server.Get(IssueScene.Route)).Items.Select(issue => issue.Text("issueId")).ShouldBe(ids[1..]);
    }

    private Task See(
        string cause, IssueKind kind = IssueKind.DuplicateEvent, IssueSubject? about = null, IReadOnlyList<SeenItem>? items = null, string title = "A title",
        TimeSpan? overAfter = null) => SeeOn(_scene.Server, _scene.Clock, cause, kind, about, items, title, overAfter);

    private static async Task SeeOn(
        TestServer server, TimeProvider clock,
        string cause, IssueKind kind = IssueKind.DuplicateEvent, IssueSubject? about = null, IReadOnlyList<SeenItem>? items = null, string title = "A title",
        TimeSpan? overAfter = null)
    {
        var now = clock.GetUtcNow();
        var workspace = (await server.Caller()).WorkspaceNo;
        await server.Services.GetRequiredService<Database>().Write(async session =>
        {
            await server.Services.GetRequiredService<IssueStore>().See(
                session, [new Sighting(workspace, kind, IssueSeverity.Warning, cause, title, "What it means.", about ?? new IssueSubject(), 1, now, now, items ?? []) { OverAt = now + overAfter }]);
            return 0;
        });
    }
}
