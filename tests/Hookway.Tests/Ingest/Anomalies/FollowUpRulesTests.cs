using System.Text.Json;
using Hookway.Ingest.Verification;
using Hookway.Tests.Issues;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Anomalies;

/// <summary>Every rule of every vendor that expects an event, on time that the test moves: what comes in time is no issue, what does not is one, and ends when it comes late.</summary>
public sealed class FollowUpRulesTests
{
    private sealed record Case(VendorPreset Vendor, GapRule Rule, JsonElement Source, DateTimeOffset DueAt)
    {
        public string Satisfied => $"{Rule.Name}_in_time";
        public string Missed => $"{Rule.Name}_late";
    }

    [Fact]
    public async Task Each_rule_fires_once_not_when_satisfied_in_time_ends_when_late_and_survives_a_restart()
    {
        await using var scene = await IssueScene.Start();
        var begun = scene.Clock.GetUtcNow();
        var cases = new List<Case>();
        foreach (var vendor in VendorCatalog.All.Where(vendor => vendor.Rules.Any(IsOfThings)))
        {
            var source = await scene.Server.CreateSource(vendor.Key, secret: null);
            foreach (var rule in vendor.Rules.Where(IsOfThings))
            {
                var from = rule.From is null ? begun : DateTimeOffset.FromUnixTimeSeconds(begun.AddDays(3).ToUnixTimeSeconds());
                var next = new Case(vendor, rule, source, from.AddMinutes(rule.WithinMinutes));
                cases.Add(next);
                foreach (var entity in (string[])[next.Satisfied, next.Missed])
                {
                    (await new MadeUpEvent(vendor, Exact(rule.After[0]), entity, rule.Entity, rule.Where, rule.From, from).Send(scene.Server, source)).Status.ShouldBeInRange(200, 202, rule.Name);
                }
            }
        }
        cases.Count.ShouldBeGreaterThan(60);
        await scene.Look();
        scene.Clock.Advance(TimeSpan.FromSeconds(30));
        foreach (var next in cases)
        {
            (await End(scene, next, next.Satisfied)).Status.ShouldBeInRange(200, 202);
        }
        await scene.Look();
        await scene.Server.Restart(impatient: true);
        (await Missing(scene, cases)).ShouldBeEmpty();

        // Vendors name times in whole seconds.
        foreach (var due in cases.GroupBy(next => Math.Round((next.DueAt - begun).TotalMinutes)).OrderBy(group => group.Key))
        {
            var before = await Missing(scene, cases);
            await scene.Pass(due.Min(next => next.DueAt) - scene.Clock.GetUtcNow() - TimeSpan.FromSeconds(1));
            (await Missing(scene, cases)).Count.ShouldBe(before.Count, $"nothing is due before {due.Key} minutes");
            await scene.Pass(TimeSpan.FromSeconds(30));
            var found = await Missing(scene, cases);
            found.Except(before).ShouldBe(due.Select(next => (next.Source.Id(), next.Missed, 1L)), ignoreOrder: true);
        }

        await scene.Pass(TimeSpan.FromDays(1));
        (await Missing(scene, cases)).Count.ShouldBe(cases.Count, "each has fired once");
        await scene.Server.Restart(impatient: true);
        foreach (var next in cases)
        {
            (await End(scene, next, next.Missed)).Status.ShouldBeInRange(200, 202);
        }
        (await Missing(scene, cases)).ShouldBeEmpty();
        var resolved = (await All(scene, "resolved")).Where(issue => IsOfItsRule(issue, cases)).ToList();
        resolved.Count.ShouldBe(cases.Count);
        resolved.ShouldAllBe(issue => issue.Text("resolvedBy") == "system" && issue.Text("detail").EndsWith("What was missing has come.") && issue.Texts("eventIds").Length == 1);
    }

    [Fact]
    public async Task What_came_just_before_counts_where_the_rule_looks_back()
    {
        await using var scene = await IssueScene.Start();
        var vendor = VendorCatalog.Find("shopify")!;
        var rule = vendor.Rules.Single(rule => rule.Name == "order-paid");
        var source = await scene.Server.CreateSource("shopify", secret: null);
        (await new MadeUpEvent(vendor, "orders/paid", "1001", [], []).Send(scene.Server, source)).Expect(200);
        (await new MadeUpEvent(vendor, "orders/paid", "1002", [], []).Send(scene.Server, source)).Expect(200);
        await scene.Pass(TimeSpan.FromMinutes(rule.LookBackMinutes - 1));
        (await new MadeUpEvent(vendor, "orders/create", "1001", [], rule.Where).Send(scene.Server, source)).Expect(200);
        await scene.Pass(TimeSpan.FromMinutes(2));
        (await new MadeUpEvent(vendor, "orders/create", "1002", [], rule.Where).Send(scene.Server, source)).Expect(200);

        await scene.Pass(TimeSpan.FromMinutes(rule.WithinMinutes + 1));

        (await scene.Issue("?kind=missing_event")).Text("entityKey").ShouldBe("1002", "it was paid too long before");
    }

    [Fact]
    public async Task What_does_not_meet_the_conditions_of_a_rule_neither_begins_nor_ends_and_forged_events_do_neither()
    {
        await using var scene = await IssueScene.Start();
        var vendor = VendorCatalog.Find("github")!;
        var rule = vendor.Rules.Single(rule => rule.Name == "deployment-ended");
        var source = await scene.Server.CreateSource();
        async Task Send(string type, object payload, string secret = IngestClient.Secret, int status = 200) =>
            (await scene.Server.DeliverGitHub(source, Guid.NewGuid().ToString(), payload, secret, type)).Expect(status);
        await Send("deployment", new { action = "created", deployment = new { id = 1 } });
        await Send("deployment", new { action = "created", deployment = new { id = 2 } }, "wrong", 401);
        await scene.Pass(TimeSpan.FromMinutes(5));
        await Send("deployment_status", new { action = "created", deployment = new { id = 1 }, deployment_status = new { state = "pending" } });
        await Send("deployment_status", new { action = "created", deployment = new { id = 1 }, deployment_status = new { state = "success" } }, "wrong", 401);

        await scene.Pass(TimeSpan.FromMinutes(rule.WithinMinutes));

        var issue = await scene.Issue("?kind=missing_event");
        issue.Text("entityKey").ShouldBe("1");
        issue.Text("title").ShouldBe("github feed: nothing followed deployment.created of 1");
        issue.Text("detail").ShouldStartWith(rule.Text);
        await Send("deployment_status", new { action = "created", deployment = new { id = 1 }, deployment_status = new { state = "success" } });
        (await scene.Issue("?kind=missing_event")).Text("status").ShouldBe("resolved");
    }

    [Fact]
    public async Task What_is_ignored_or_of_an_archived_source_does_not_come_back()
    {
        await using var scene = await IssueScene.Start();
        var vendor = VendorCatalog.Find("resend")!;
        var source = await scene.Server.CreateSource("resend", secret: null);
        var archived = await scene.Server.CreateSource("resend", secret: null);
        Task<Answer> Sent(JsonElement to) => new MadeUpEvent(vendor, "email.sent", "mail_1", [], []).Send(scene.Server, to);
        (await Sent(source)).Expect(200);
        (await Sent(archived)).Expect(200);
        await scene.Look();
        (await scene.Server.Delete($"/api/v1/ingest/sources/{archived.Id()}")).Expect(200);
        await scene.Pass(TimeSpan.FromHours(73));
        var issue = await scene.Issue("?kind=missing_event");
        issue.Text("sourceId").ShouldBe(source.Id());
        (await scene.Move("ignore", issue.Text("issueId"))).Expect(200);
        (await new MadeUpEvent(vendor, "email.delivered", "mail_1", [], []).Send(scene.Server, source)).Expect(200);
        await scene.Look();
        (await Sent(source)).Expect(200);
        await scene.Look();
        await scene.Pass(TimeSpan.FromHours(73));

        issue = await scene.Issue("?kind=missing_event");

        (issue.Text("status"), issue.Count()).ShouldBe(("ignored", 2));
    }

    [Fact]
    public async Task Where_very_many_are_missed_the_rest_shares_an_issue_that_ends_with_the_last()
    {
        await using var scene = await IssueScene.Start();
        var vendor = VendorCatalog.Find("resend")!;
        var source = await scene.Server.CreateSource("resend", secret: null);
        const int Mails = 105;
        for (var i = 0; i < Mails; i++)
        {
            (await new MadeUpEvent(vendor, "email.sent", $"mail_{i}", [], []).Send(scene.Server, source)).Expect(200);
        }
        await scene.Pass(TimeSpan.FromHours(73));
        var issues = await All(scene, "open");
        issues.Count.ShouldBe(101);
        var shared = issues.Single(issue => issue.GetProperty("entityKey").ValueKind is JsonValueKind.Null);
        shared.Count().ShouldBe(5);
        for (var i = 0; i < Mails; i++)
        {
            (await All(scene, "open")).ShouldNotBeEmpty();
            (await new MadeUpEvent(vendor, "email.delivered", $"mail_{i}", [], []).Send(scene.Server, source)).Expect(200);
            await scene.Look();
        }
        (await All(scene, "open")).ShouldBeEmpty();
    }

    private static Task<Answer> End(IssueScene scene, Case next, string entity) =>
        new MadeUpEvent(next.Vendor, Exact(next.Rule.Until[0]), entity, next.Rule.UntilEntity, next.Rule.UntilWhere).Send(scene.Server, next.Source);

    private static string Exact(string type) => type == "*" ? "any" : type.TrimEnd('*');

    /// <summary>Those of a whole source, which can be missed but once, and those of habits have tests of their own.</summary>
    private static bool IsOfThings(GapRule rule) => rule is { Kind: GapRuleKind.Expect, IsHabit: false } && (rule.Entity.Count == 0 || rule.Entity[0].Sources.Any());

    /// <summary>What is missing by the rule that it was sent for, by source and thing, with how often it was seen.</summary>
    private static async Task<List<(string, string, long)>> Missing(IssueScene scene, IReadOnlyList<Case> cases) =>
        [.. (await All(scene, "open")).Where(issue => IsOfItsRule(issue, cases)).Select(issue => (issue.Text("sourceId"), issue.Text("entityKey"), issue.Count()))];

    /// <summary>An event may begin to wait by several rules of its vendor; each has a thing of its own.</summary>
    private static bool IsOfItsRule(JsonElement issue, IReadOnlyList<Case> cases) => cases.Any(next =>
        next.Source.Id() == issue.Text("sourceId") && issue.Text("entityKey") is var entity && (entity == next.Missed || entity == next.Satisfied) && issue.Text("detail").StartsWith(next.Rule.Text));

    private static async Task<List<JsonElement>> All(IssueScene scene, string status) =>
        [.. await scene.Issues($"?kind=missing_event&limit=250&status={status}")];
}
