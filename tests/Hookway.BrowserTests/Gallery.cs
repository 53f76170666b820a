using Hookway.Tests.Support;

namespace Hookway.BrowserTests;

/// <summary>A server with something of everything, and the addresses of all its pages.</summary>
public sealed class Gallery : IAsyncLifetime
{
    public TestServer Server { get; private set; } = null!;
    public ReceiverStub Receiver { get; private set; } = null!;
    public string App { get; private set; } = "";
    public string Endpoint { get; private set; } = "";
    public string Message { get; private set; } = "";
    public string Replay { get; private set; } = "";
    public string Event { get; private set; } = "";

    /// <summary>Below the workspace.</summary>
    public IReadOnlyList<string> Pages { get; private set; } = [];

    /// <summary>Below the portal.</summary>
    public IReadOnlyList<string> PortalPages { get; private set; } = [];

    public async ValueTask InitializeAsync()
    {
        Server = await TestServer.Start();
        Receiver = await ReceiverStub.Start();
        Receiver.Respond(async (request, http) =>
        {
            http.Response.StatusCode = Receiver.Count % 3 == 0 ? 503 : 200;
            await http.Response.WriteAsync("""{"received":true}""");
        });
        App = await Server.CreateApp("invoice.paid", "invoice.created", "subscription.canceled");
        (await Server.Put($"/api/v1/apps/{App}/event-types/invoice.paid", new { description = "An invoice was paid", examplePayload = new { amount = 4200 } })).Expect(200);
        await Server.CreateApp("shipment.created");
        Endpoint = await Server.CreateEndpoint(App, Receiver.Url, new { name = "Production", headers = new Dictionary<string, string> { ["x-tenant"] = "acme" }, eventTypes = new[] { "invoice.*" } });
        await Server.CreateEndpoint(App, new Uri("http://127.0.0.1:9/"), new { name = "Retired" });
        var paused = await Server.CreateEndpoint(App, Receiver.Url, null, "customer_2");
        (await Server.Patch($"/api/v1/apps/{App}/endpoints/{paused}", new { paused = true })).Expect(200);
        var disabled = await Server.CreateEndpoint(App, Receiver.Url, null, "customer_3");
        (await Server.Patch($"/api/v1/apps/{App}/endpoints/{disabled}", new { enabled = false })).Expect(200);
        for (var i = 0; i < 12; i++)
        {
            Message = await Server.Send(App, new { amount = i, nested = new { list = new object[] { 1, "two", true } } });
            await Server.Send(App, recipient: $"customer_{i % 4}", type: "subscription.canceled");
        }
        await Receiver.WaitFor(12);
        Replay = (await Server.Post($"/api/v1/apps/{App}/messages/{Message}/replay", new { })).Expect(202).Text("replayId");
        (await Server.Post($"/api/v1/apps/{App}/messages", new { recipient = "customer_1", type = "not.published", data = new { } })).Expect(400);
        var run = (await Server.Post($"/api/v1/apps/{App}/endpoints/{Endpoint}/replay", new { since = DateTimeOffset.UtcNow.AddHours(-1), status = "all" })).Expect(202).Text("replayId");
        var source = await Server.CreateSource(more: new { name = "GitHub" });
        var quiet = await Server.CreateSource("stripe", new { name = "Stripe" });
        var destination = (await Server.Post("/api/v1/ingest/destinations", new { name = "Billing", sourceId = source.Id(), endpointUrl = Receiver.Url, transformExpression = "action" })).Expect(201).Text("destinationId");
        for (var i = 0; i < 5; i++)
        {
            Event = (await Server.DeliverGitHub(source, $"d-{i % 4}", type: i % 2 == 0 ? "issues" : "push")).Expect(200).Text("eventId");
        }
        (await Server.DeliverGitHub(source, "forged", secret: "wrong")).Expect(401);
        var forged = (await Server.Events(source, "&signatureStatus=failed"))[0].GetProperty("eventId").GetString();
        await TestServer.Until(async () => (await Server.Get("/api/v1/ingest/issues")).Expect(200).Items.Length > 0);
        var issue = (await Server.Get("/api/v1/ingest/issues")).Expect(200).Items[0].GetProperty("issueId").GetString();
        (await Server.Post("/api/v1/members/invitations", new { email = "grace@example.com", role = "viewer" })).Expect(201);
        var at = $"/apps/{App}";
        Pages =
        [
            "", "/apps", "/apps/new", $"{at}/messages", $"{at}/messages?status=failed&q=zzz", $"{at}/messages/{Message}", $"{at}/messages/send", $"{at}/recipients", $"{at}/recipients/customer_1",
            $"{at}/endpoints", $"{at}/endpoints/new", $"{at}/endpoints/{Endpoint}", $"{at}/endpoints/{disabled}", $"{at}/endpoints/{Endpoint}/settings", $"{at}/endpoints/{Endpoint}/secret",
            $"{at}/event-types", $"{at}/event-types/new", $"{at}/event-types/invoice.paid", $"{at}/settings", $"{at}/explain", $"{at}/explain?recipient=customer_1&type=subscription.canceled", $"{at}/refused", "/replays", $"/replays/{Replay}", $"/replays/{run}", "/ingest/sources", "/ingest/sources/new", "/ingest/sources/new?vendor=stripe", "/ingest/sources/new?vendor=custom", $"/ingest/sources/{source.Id()}", $"/ingest/sources/{source.Id()}/settings",
            $"/ingest/sources/{source.Id()}/refused", $"/ingest/sources/{quiet.Id()}", $"/ingest/sources/{source.Id()}/destinations/new", $"/ingest/destinations/{destination}", $"/ingest/destinations/{destination}/settings", "/ingest/events", "/ingest/events?q=zzz", $"/ingest/events/{Event}", $"/ingest/events/{Event}?view=raw", $"/ingest/events/{forged}", "/issues", $"/issues/{issue}",
            "/settings/workspace", "/settings/keys", "/settings/members", "/settings/audit",
        ];
        PortalPages = ["", "/endpoints/new", $"/endpoints/{Endpoint}", $"/endpoints/{Endpoint}/edit", $"/endpoints/{Endpoint}/secret", "/messages", $"/messages/{Message}", "/catalog"];
    }

    public async Task<string> Portal(object? theme = null, string recipient = "customer_1") =>
        new Uri((await Server.Post($"/api/v1/apps/{App}/portal-sessions", new { recipient, theme, returnUrl = "https://customer.example/" })).Expect(201).Text("url")).AbsolutePath.TrimEnd('/');

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Receiver.DisposeAsync();
    }
}
