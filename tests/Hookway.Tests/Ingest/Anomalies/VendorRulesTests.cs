using System.Text.Json;
using Hookway.Tests.Issues;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Anomalies;

/// <summary>Rules of vendors that have a turn of their own, on requests as the vendors send them.</summary>
public sealed class VendorRulesTests : IAsyncLifetime
{
    private IssueScene _scene = null!;

    private TestServer Server => _scene.Server;

    public async ValueTask InitializeAsync() => _scene = await IssueScene.Start();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public async Task Asanas_heartbeats_are_missed_after_eight_hours_and_one_more_ends_it()
    {
        var source = await Server.CreateSource("asana", secret: null);
        await Send(source, new { events = Array.Empty<object>() });
        await _scene.Pass(TimeSpan.FromHours(8));
        await Send(source, new { events = Array.Empty<object>() });
        await _scene.Pass(TimeSpan.FromHours(8));
        await Server.Restart(impatient: true);
        (await _scene.Issues()).ShouldBeEmpty();
        await Send(source, new { events = new[] { new { action = "added", created_at = _scene.Clock.GetUtcNow(), resource = new { gid = "1", resource_type = "task" } } } });
        await _scene.Pass(TimeSpan.FromMinutes(31));
        (await _scene.Issue()).Text("kind").ShouldBe("missing_event");
        await _scene.Pass(TimeSpan.FromHours(8));
        (await _scene.Issue()).Count().ShouldBe(1);
        await Send(source, new { events = Array.Empty<object>() });
        (await _scene.Issue()).Text("status").ShouldBe("resolved");
    }

    [Fact]
    public async Task A_subscription_that_Microsoft_removed_is_missed_until_events_come_again()
    {
        var source = await Server.CreateSource("microsoft-graph", secret: null);
        object Change(string id) => new { value = new[] { new { subscriptionId = id, changeType = "created", resource = "me/messages", clientState = "s" } } };
        await Send(source, Change("sub_1"));
        await _scene.Pass(TimeSpan.FromHours(1));
        (await _scene.Issues()).ShouldBeEmpty();
        await Send(source, new { value = new[] { new { subscriptionId = "sub_1", lifecycleEvent = "subscriptionRemoved", clientState = "s" } } });
        await _scene.Pass(TimeSpan.FromMinutes(2));
        (await _scene.Issue()).Text("detail").ShouldStartWith("Microsoft has removed a subscription");
        await Server.Restart(impatient: true);
        await Send(source, Change("sub_2"));
        (await _scene.Issue()).Text("status").ShouldBe("resolved");
    }

    [Fact]
    public async Task A_subscription_of_Graph_is_missed_when_it_has_expired_and_not_when_it_was_renewed()
    {
        var source = await Server.CreateSource("microsoft-graph", secret: null);
        object Change(string id, int hours) => new
        {
            value = new[] { new { subscriptionId = id, changeType = "updated", resource = "me/messages", subscriptionExpirationDateTime = _scene.Clock.GetUtcNow().AddHours(hours) } },
        };
        await Send(source, Change("sub_1", 3));
        await Send(source, Change("sub_2", 3));
        await _scene.Pass(TimeSpan.FromHours(2));
        await Send(source, Change("sub_2", 72));
        await _scene.Pass(TimeSpan.FromHours(2.1));
        (await _scene.Issue()).Text("entityKey").ShouldBe("sub_1");
        await Send(source, Change("sub_1", 72));
        (await _scene.Issue()).Text("status").ShouldBe("resolved");
    }

    [Fact]
    public async Task A_subscription_at_Stripe_is_renewed_or_changed_and_waits_for_the_period_that_was_told_last()
    {
        var source = await Server.CreateSource("stripe", secret: null);
        async Task Subscription(string type, string id, double days, bool isNewForm = false)
        {
            var end = _scene.Clock.GetUtcNow().AddDays(days).ToUnixTimeSeconds();
            await Send(source, new
            {
                id = $"evt_{id}_{type}_{end}", type, created = _scene.Clock.GetUtcNow().ToUnixTimeSeconds(),
                data = new { @object = isNewForm ? (object)new { id, status = "active", items = new { data = new[] { new { current_period_end = end } } } } : new { id, status = "active", current_period_end = end } },
            });
        }
        await Subscription("customer.subscription.created", "sub_1", 30);
        await Subscription("customer.subscription.created", "sub_2", 30, isNewForm: true);
        await Subscription("customer.subscription.created", "sub_3", 1_100);
        await _scene.Pass(TimeSpan.FromDays(29));
        await Subscription("customer.subscription.updated", "sub_1", 10);
        await _scene.Pass(TimeSpan.FromDays(1.1));

        (await _scene.Issue()).Text("entityKey").ShouldBe("sub_2");
        await Subscription("customer.subscription.updated", "sub_2", 30);
        (await _scene.Issue()).Text("status").ShouldBe("resolved");
        await _scene.Pass(TimeSpan.FromDays(9.1));
        (await _scene.Issues("?status=open")).ShouldHaveSingleItem().Text("entityKey").ShouldBe("sub_1");
        await Subscription("customer.subscription.deleted", "sub_1", 0);
        await Subscription("customer.subscription.deleted", "sub_2", 0);
        await _scene.Pass(TimeSpan.FromDays(1_200));
        (await _scene.Issues("?status=open")).ShouldBeEmpty("what is due only in years is not waited for");
    }

    [Fact]
    public async Task A_dispute_at_Stripe_is_told_of_a_day_before_its_evidence_is_due()
    {
        var source = await Server.CreateSource("stripe", secret: null);
        var due = _scene.Clock.GetUtcNow().AddDays(7).ToUnixTimeSeconds();
        Task Dispute(string id, string type, string status) => Send(source, new
        {
            id = $"evt_{id}_{type}_{status}", type, data = new { @object = new { id, status, evidence_details = new { due_by = due } } },
        });
        await Dispute("dp_1", "charge.dispute.created", "needs_response");
        await Dispute("dp_2", "charge.dispute.created", "needs_response");
        await Dispute("dp_1", "charge.dispute.funds_withdrawn", "needs_response");
        await Dispute("dp_2", "charge.dispute.funds_withdrawn", "needs_response");
        await Dispute("dp_1", "charge.dispute.updated", "under_review");
        await _scene.Pass(TimeSpan.FromDays(5.9));
        (await _scene.Issues()).ShouldBeEmpty();
        await _scene.Pass(TimeSpan.FromDays(0.2));
        (await _scene.Issue()).Text("entityKey").ShouldBe("dp_2");
        await Dispute("dp_2", "charge.dispute.updated", "under_review");
        (await _scene.Issue()).Text("status").ShouldBe("resolved");
    }

    [Fact]
    public async Task A_subscription_at_Paddle_stays_past_due_whatever_else_changes()
    {
        var source = await Server.CreateSource("paddle", secret: null);
        Task Subscription(string type, string status) => Send(source, new { event_id = $"ntf_{type}_{status}", event_type = type, data = new { id = "sub_1", status } });
        await Subscription("subscription.past_due", "past_due");
        await Subscription("subscription.updated", "past_due");
        await _scene.Pass(TimeSpan.FromDays(31));
        (await _scene.Issue()).Text("entityKey").ShouldBe("sub_1");
        await Subscription("subscription.updated", "active");
        (await _scene.Issue()).Text("status").ShouldBe("resolved");
    }

    [Fact]
    public async Task An_order_at_Shopify_that_is_edited_is_waited_for_no_longer()
    {
        var source = await Server.CreateSource("shopify", secret: null);
        async Task Topic(string topic, object body) => (await Server.Deliver(
            source.Path(), JsonSerializer.SerializeToUtf8Bytes(body), headers: [("X-Shopify-Topic", topic), ("X-Shopify-Webhook-Id", $"{topic}{JsonSerializer.Serialize(body)}")])).Expect(200);
        object Order(int id) => new { id, financial_status = "pending", payment_gateway_names = new[] { "shopify_payments" } };
        await Topic("orders/create", Order(1));
        await Topic("orders/create", Order(2));
        await Topic("orders/edited", new { order_edit = new { id = 77, order_id = 1 } });
        await _scene.Pass(TimeSpan.FromMinutes(61));
        (await _scene.Issue()).Text("entityKey").ShouldBe("2");
    }

    [Fact]
    public async Task A_shops_own_time_decides_how_long_a_paid_order_may_wait_once_it_is_known()
    {
        var source = await Server.CreateSource("shopify", secret: null);
        async Task Topic(string topic, object body) => (await Server.Deliver(
            source.Path(), JsonSerializer.SerializeToUtf8Bytes(body), headers: [("X-Shopify-Topic", topic), ("X-Shopify-Webhook-Id", $"{topic}{JsonSerializer.Serialize(body)}")])).Expect(200);
        async Task Paid(int first, int count)
        {
            for (var i = 0; i < count; i++)
            {
                await Topic("orders/paid", new { id = first + i });
            }
        }
        await Paid(1_000, 50);
        await _scene.Pass(TimeSpan.FromHours(40));
        await Paid(2_000, 1);
        await _scene.Look();
        for (var i = 0; i < 50; i++)
        {
            await Topic("fulfillments/create", new { id = i, order_id = 1_000 + i });
        }
        await _scene.Pass(TimeSpan.FromHours(1));
        await Paid(3_000, 1);
        await _scene.Look();
        await Server.Restart(impatient: true);
        await _scene.Pass(TimeSpan.FromHours(39));
        (await _scene.Issues("?kind=missing_event")).ShouldBeEmpty();
        await _scene.Pass(TimeSpan.FromHours(12));

        (await _scene.Issue("?kind=missing_event")).Text("entityKey").ShouldBe("3000", "the other began to wait when seven days were all that was known");
    }

    [Fact]
    public async Task A_push_to_a_branch_that_is_built_is_built_within_minutes()
    {
        var source = await Server.CreateSource();
        var sent = 0;
        async Task Event(string type, object payload) => (await Server.DeliverGitHub(source, $"d{sent++}", payload, type: type)).Expect(200);
        Task Push(string branch, bool deleted = false) => Event("push", new { after = $"{sent:x40}", @ref = $"refs/heads/{branch}", deleted, repository = new { full_name = "octocat/hello" } });
        Task Run(string branch) => Event("workflow_run", new { action = "requested", workflow_run = new { id = sent, head_branch = branch }, repository = new { full_name = "octocat/hello" } });
        await Push("docs");
        await Push("main");
        await Run("main");
        await _scene.Pass(TimeSpan.FromMinutes(10));
        await Run("main");
        await Push("main");
        await _scene.Pass(TimeSpan.FromMinutes(10));
        (await _scene.Issues()).ShouldBeEmpty("the branch docs was never built, and that of main came just before");
        await Push("main", deleted: true);
        await Push("main");
        await _scene.Look();
        await Server.Restart(impatient: true);
        await _scene.Pass(TimeSpan.FromMinutes(4));
        (await _scene.Issues()).ShouldBeEmpty();
        await _scene.Pass(TimeSpan.FromMinutes(2));
        await Push("main");
        await _scene.Pass(TimeSpan.FromMinutes(10));
        var issue = await _scene.Issue();
        (issue.Text("entityKey"), issue.Count()).ShouldBe(("octocat/hello:refs/heads/main", 1));
        await Run("main");
        (await _scene.Issue()).Text("status").ShouldBe("resolved");
    }

    private async Task Send(JsonElement source, object body) => (await Server.Deliver(source.Path(), JsonSerializer.SerializeToUtf8Bytes(body))).Status.ShouldBeInRange(200, 202);
}
