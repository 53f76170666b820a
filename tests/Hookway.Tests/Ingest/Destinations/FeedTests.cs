using System.Text;
using System.Text.Json;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Destinations;

/// <summary>Destinations that feed an app: one vendor's events, fanned out to the endpoints of the right customers.</summary>
public sealed class FeedTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task An_event_becomes_a_message_to_the_customer_that_the_routing_key_names()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await RoutedApp("issues.opened");
        var source = await Server.CreateSource();
        await Server.CreateFeed(source, app);
        await Server.CreateEndpoint(app, receiver.UrlFor("/acme"), recipient: "acme");
        await Server.CreateEndpoint(app, receiver.UrlFor("/other"), recipient: "other");

        var id = (await Deliver(source, "m-1", "acme")).Expect(200).Text("eventId");

        var got = (await receiver.WaitFor(1))[0];
        (got.Path, got.Headers["webhook-id"]).ShouldBe(("/acme", id));
        var sent = JsonElement.Parse(got.Body);
        (sent.GetProperty("type").GetString(), sent.GetProperty("data").GetProperty("customer").GetString()).ShouldBe(("issues.opened", "acme"));
        await Server.WaitForEvent(id, "succeeded");
        var message = await Server.WaitForMessage(app, id, "succeeded");
        message.GetProperty("recipient").GetString().ShouldBe("acme");
        receiver.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_header_may_name_the_customer_and_a_transformation_makes_the_data()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = (await Server.Post("/api/v1/apps", new { name = "Routed", routingKeyHeader = "X-Customer" })).Expect(201).Text("appId");
        (await Server.Put($"/api/v1/apps/{app}/event-types/issues.opened", new { })).Expect(201);
        var source = await Server.CreateSource();
        await Server.CreateFeed(source, app, new { transformExpression = "{n: issue.id}" });
        await Server.CreateEndpoint(app, receiver.Url, recipient: "acme");

        (await Server.DeliverGitHub(source, "h-1", more: ("x-customer", "acme"))).Expect(200);

        Encoding.UTF8.GetString((await receiver.WaitFor(1))[0].Body).ShouldContain("\"data\":{\"n\":7}");
    }

    [Fact]
    public async Task What_an_app_cannot_take_is_a_failed_attempt_that_says_why()
    {
        var app = await RoutedApp("issues.opened");
        (await Server.Put($"/api/v1/apps/{app}/event-types/issues.opened", new { schema = new { type = "object", required = new[] { "priority" } } })).Expect(200);
        var source = await Server.CreateSource();
        await Server.CreateFeed(source, app, new { retryMaxAttempts = 1 });
        async Task<string?> ErrorOf(Answer answer) =>
            (await Server.WaitForEvent(answer.Expect(200).Text("eventId"), "failed")).GetProperty("deliveries")[0].GetProperty("lastError").GetString();

        (await ErrorOf(await Server.DeliverGitHub(source, "x-1"))).ShouldBe("routing_key_missing");
        (await ErrorOf(await Server.DeliverGitHub(source, "x-2", new { action = "opened", customer = "not an id", issue = new { id = 1 } }))).ShouldBe("routing_key_missing");
        (await ErrorOf(await Server.DeliverGitHub(source, "x-3", new { action = "closed", customer = "acme" }))).ShouldBe("event_type_not_published");
        (await ErrorOf(await Deliver(source, "x-4", "acme"))).ShouldBe("schema_mismatch");
        (await Server.Delete($"/api/v1/apps/{app}")).Expect(200);
        (await ErrorOf(await Deliver(source, "x-5", "acme"))).ShouldBe("message_refused");
    }

    [Fact]
    public async Task A_failed_feed_is_tried_again_and_a_customer_without_endpoints_is_no_failure()
    {
        var app = await RoutedApp("something.else");
        var source = await Server.CreateSource();
        await Server.CreateFeed(source, app, new { retryBackoffSeconds = 1 });
        var id = (await Deliver(source, "a-1", "acme")).Expect(200).Text("eventId");
        await TestServer.Until(async () => (await Server.Event(id)).GetProperty("deliveries")[0].GetProperty("attemptCount").GetInt32() > 0);

        (await Server.Put($"/api/v1/apps/{app}/event-types/issues.opened", new { })).Expect(201);

        await Server.WaitForEvent(id, "succeeded");
        (await Server.Message(app, id)).GetProperty("status").GetString().ShouldBe("skipped");
    }

    private async Task<string> RoutedApp(string type)
    {
        var app = (await Server.Post("/api/v1/apps", new { name = "Routed", routingKeyBodyPath = "customer" })).Expect(201).Text("appId");
        (await Server.Put($"/api/v1/apps/{app}/event-types/{type}", new { })).Expect(201);
        return app;
    }

    private Task<Answer> Deliver(JsonElement source, string delivery, string customer) =>
        Server.DeliverGitHub(source, delivery, new { action = "opened", customer, issue = new { id = 7 } });
}
