using System.Text;
using Hookway.Deliveries;
using Hookway.Tests.Support;

namespace Hookway.Tests.Issues;

/// <summary>Deliveries that fail become issues, by target and outcome, and end with what caused them. Nothing of it waits on the way of a delivery.</summary>
public sealed class DeliveryIssuesTests : IAsyncLifetime
{
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(6);
    private IssueScene _scene = null!;
    private ReceiverStub _receiver = null!;

    private TestServer Server => _scene.Server;

    public async ValueTask InitializeAsync()
    {
        _scene = await IssueScene.Start();
        _receiver = await ReceiverStub.Start();
    }

    public async ValueTask DisposeAsync()
    {
        await _scene.DisposeAsync();
        await _receiver.DisposeAsync();
    }

    [Fact]
    public async Task What_fails_for_good_is_one_issue_of_its_endpoint_and_ends_when_that_recovers()
    {
        var (app, endpoint) = await Endpoint(new { retryMaxAttempts = 1, name = "Production" });
        _receiver.RespondWith(500);
        string[] messages = [await Failed(app), await Failed(app), await Failed(app)];

        var issue = await _scene.Issue();

        issue.Text("kind").ShouldBe("delivery_failed");
        issue.Text("status").ShouldBe("open");
        issue.Text("title").ShouldBe("Deliveries to Production of customer_1 fail: the receiver answers 500");
        (issue.Text("appId"), issue.Text("endpointId"), issue.Text("recipient")).ShouldBe((app, endpoint, "customer_1"));
        issue.Count().ShouldBe(3);
        issue.Texts("messageIds").ShouldBe(messages);
        issue.GetProperty("eventIds").GetArrayLength().ShouldBe(0);

        await _scene.Pass(Round);
        (await _scene.Move("acknowledge", issue.Text("issueId"))).Expect(200);
        await Failed(app);
        issue = await _scene.Issue();
        (issue.Count(), issue.Text("status")).ShouldBe((4, "acknowledged"));
        (issue.GetProperty("lastSeenAt").GetDateTimeOffset() - issue.GetProperty("firstSeenAt").GetDateTimeOffset()).ShouldBeGreaterThanOrEqualTo(Round);

        _receiver.RespondWith(200);
        await Server.WaitForMessage(app, await Server.Send(app), "succeeded");
        await _scene.Pass(Round);
        issue = await _scene.Issue();
        (issue.Text("status"), issue.Text("resolvedBy")).ShouldBe(("resolved", "system"));
        issue.Text("detail").ShouldEndWith("Deliveries arrive there again.");

        _receiver.RespondWith(500);
        await Failed(app);
        var issues = await _scene.Issues();
        issues.Select(found => found.Text("status")).ShouldBe(["open", "resolved"]);
        issues[0].Count().ShouldBe(1);
    }

    [Fact]
    public async Task Outcomes_and_targets_are_told_apart()
    {
        var (app, _) = await Endpoint(new { retryMaxAttempts = 1 });
        await Server.CreateEndpoint(app, new Uri("http://127.0.0.1:1/"), new { retryMaxAttempts = 1 });
        _receiver.RespondWith(500, 503);
        await Failed(app);
        await Failed(app);

        var issues = await _scene.Issues();

        issues.Select(issue => (issue.Text("endpointId"), issue.Count())).Distinct().Count().ShouldBe(2);
        issues.Select(issue => issue.Text("title").Split(": ")[1]).ShouldBe(["the connection is refused", "the receiver answers 503"], ignoreOrder: true);
        issues.ShouldAllBe(issue => issue.Count() == 2);
    }

    [Fact]
    public async Task An_endpoint_that_is_down_is_an_issue_before_anything_has_failed_for_good_and_what_was_noted_survives_a_restart()
    {
        var (app, _) = await Endpoint(new { retryBackoffSeconds = 3_600 });
        _receiver.RespondWith(500);
        for (var i = 0; i < TargetCircuit.FailuresThatOpen; i++)
        {
            (await _scene.Issues()).ShouldBeEmpty("a delivery that will be tried again is no issue");
            var message = await Server.Send(app);
            await Server.WaitForMessage(app, message, found => found.GetProperty("deliveries")[0].GetProperty("attemptCount").GetInt32() == 1);
        }
        // Nothing is in flight: what an attempt does after it is recorded need not be waited for.
        await Server.Restart(impatient: true);

        var issue = await _scene.Issue();

        (issue.Text("kind"), issue.Count()).ShouldBe(("delivery_failed", 1));
        _receiver.RespondWith(200);
        _scene.Clock.Advance(TimeSpan.FromHours(2));
        await TestServer.Until(() => _receiver.Count >= 2 * TargetCircuit.FailuresThatOpen);
        await TestServer.Until(async () =>
        {
            await _scene.Pass(Round);
            return (await _scene.Issue()).Text("status") == "resolved";
        });
    }

    [Fact]
    public async Task What_fails_where_others_arrive_ends_only_when_it_has_arrived_itself()
    {
        var (app, endpoint) = await Endpoint(new { retryMaxAttempts = 1 });
        var isMended = false;
        _receiver.Respond((request, context) =>
        {
            context.Response.StatusCode = !isMended && Encoding.UTF8.GetString(request.Body).Contains("poison", StringComparison.Ordinal) ? 400 : 200;
            return Task.CompletedTask;
        });
        await Server.WaitForMessage(app, await Server.Send(app), "succeeded");
        var poison = await Server.Send(app, new { text = "poison" });
        await Server.WaitForMessage(app, poison, "failed");
        (await _scene.Issue()).Text("detail").ShouldContain("Other deliveries arrive there");

        await _scene.Pass(Round);
        await Server.WaitForMessage(app, await Server.Send(app), "succeeded");
        await _scene.Pass(Round);
        (await _scene.Issue()).Text("status").ShouldBe("open");

        isMended = true;
        (await Server.Post($"/api/v1/apps/{app}/messages/{poison}/replay", new { endpointId = endpoint })).Expect(202);
        await Server.WaitForMessage(app, poison, "succeeded");
        await _scene.Pass(Round);
        (await _scene.Issue()).Text("detail").ShouldEndWith("What had failed has arrived since, or was taken back.");
    }

    [Fact]
    public async Task What_is_ignored_does_not_come_back_until_it_is_resolved()
    {
        var (app, _) = await Endpoint(new { retryMaxAttempts = 1 });
        _receiver.RespondWith(500);
        await Failed(app);
        var id = (await _scene.Issue()).Text("issueId");
        (await _scene.Move("ignore", id)).Expect(200).Items[0].Text("status").ShouldBe("ignored");
        await Failed(app);
        _receiver.RespondWith(200);
        await Server.WaitForMessage(app, await Server.Send(app), "succeeded");
        await _scene.Pass(Round);
        _receiver.RespondWith(500);
        await Failed(app);

        var issue = await _scene.Issue();

        (issue.Text("issueId"), issue.Text("status"), issue.Count()).ShouldBe((id, "ignored", 3));
        (await _scene.Move("resolve", id)).Expect(200);
        await Failed(app);
        (await _scene.Issues()).Select(found => found.Text("status")).ShouldBe(["open", "resolved"]);
    }

    [Fact]
    public async Task A_disabled_endpoint_is_an_issue_until_it_is_enabled()
    {
        var (app, endpoint) = await Endpoint(new { });
        _receiver.RespondWith(410);
        await Server.WaitForMessage(app, await Server.Send(app), "canceled");

        var issue = await _scene.Issue("?kind=endpoint_disabled");

        issue.Text("detail").ShouldStartWith("The receiver answered 410 Gone.");
        issue.Text("endpointId").ShouldBe(endpoint);
        await _scene.Pass(Round);
        (await _scene.Issue()).Text("status").ShouldBe("open");
        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { enabled = true })).Expect(200);
        await _scene.Pass(Round);
        (await _scene.Issue()).Text("detail").ShouldEndWith("It was enabled again.");
    }

    [Fact]
    public async Task Nobody_disabled_by_a_person_is_an_issue_and_what_is_gone_is_none_any_more()
    {
        var (app, endpoint) = await Endpoint(new { });
        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { enabled = false })).Expect(200);
        (await _scene.Issues()).ShouldBeEmpty();
        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { enabled = true })).Expect(200);
        _receiver.RespondWith(410);
        await Server.WaitForMessage(app, await Server.Send(app), "canceled");
        (await _scene.Move("ignore", (await _scene.Issue()).Text("issueId"))).Expect(200);

        (await Server.Delete($"/api/v1/apps/{app}/endpoints/{endpoint}")).Expect(200);
        await _scene.Pass(Round);

        (await _scene.Issue()).Text("detail").ShouldEndWith("It is gone.");
    }

    [Fact]
    public async Task Issues_of_a_recipient_are_erased_with_it()
    {
        var (app, _) = await Endpoint(new { retryMaxAttempts = 1 });
        _receiver.RespondWith(500);
        await Failed(app);
        await _scene.Issue();
        (await Server.Delete($"/api/v1/apps/{app}/recipients/customer_1?purge=true")).Expect(200);
        (await _scene.Issues()).ShouldBeEmpty();
    }

    private async Task<(string App, string Endpoint)> Endpoint(object settings)
    {
        var app = await Server.CreateApp();
        return (app, await Server.CreateEndpoint(app, _receiver.Url, settings));
    }

    private async Task<string> Failed(string app)
    {
        var message = await Server.Send(app);
        await Server.WaitForMessage(app, message, "failed");
        return message;
    }
}
