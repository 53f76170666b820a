using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hookway.Hosting.Demo;

/// <summary>Fills a workspace with what a company that sends webhooks has, and keeps sending: customers whose endpoints are healthy, slow, flaky, broken and gone.</summary>
/// <param name="api">Calls the API with a key.</param>
public sealed class DemoWorkspace(Func<HttpMethod, string, JsonNode?, Task<JsonNode?>> api, DemoReceiver receiver, Random random)
{
    private static readonly (string App, string Type, string Description, string Example)[] Types =
    [
        ("Billing events", "invoice.created", "An invoice was drawn up", """{"invoiceId":"inv_1042","customer":{"id":"cus_8Kd2","name":"Acme Inc."},"amount":4200,"currency":"EUR","dueAt":"2026-02-14"}"""),
        ("Billing events", "invoice.paid", "An invoice was paid in full", """{"invoiceId":"inv_1042","amount":4200,"currency":"EUR","paidAt":"2026-01-31T12:00:00Z","method":"sepa_debit"}"""),
        ("Billing events", "invoice.payment_failed", "A payment was refused by the bank or the card's issuer", """{"invoiceId":"inv_1043","amount":990,"currency":"EUR","reason":"insufficient_funds","attempt":2}"""),
        ("Billing events", "subscription.created", "A customer subscribed to a plan", """{"subscriptionId":"sub_77","plan":"pro","seats":12,"startsAt":"2026-02-01"}"""),
        ("Billing events", "subscription.canceled", "A subscription ends with its period", """{"subscriptionId":"sub_77","plan":"pro","endsAt":"2026-02-28","reason":"switched_plan"}"""),
        ("Shipping events", "shipment.created", "A parcel was announced to the carrier", """{"shipmentId":"shp_501","carrier":"dhl","parcels":[{"id":"p_1","grams":840}]}"""),
        ("Shipping events", "shipment.delivered", "A parcel was handed over", """{"shipmentId":"shp_501","deliveredAt":"2026-01-31T09:14:00Z","signedBy":"M. Curie"}"""),
    ];

    private static readonly (string Id, string Name, string Manner, string Endpoint, string[]? Events)[] Customers =
    [
        ("customer_acme", "Acme Inc.", "healthy", "Production", null),
        ("customer_acme", "Acme Inc.", "slow", "Data warehouse", ["invoice.*"]),
        ("customer_globex", "Globex Corporation", "healthy", "ERP", null),
        ("customer_initech", "Initech", "flaky", "TPS reports", null),
        ("customer_umbrella", "Umbrella Labs", "broken", "Legacy gateway", null),
        ("customer_hooli", "Hooli", "strict", "Payments", ["invoice.*", "shipment.*"]),
        ("customer_stark", "Stark Industries", "healthy", "Jarvis", null),
        ("customer_wayne", "Wayne Enterprises", "gone", "Retired server", null),
        ("customer_tyrell", "Tyrell Corporation", "healthy", "Staging", ["invoice.paid", "subscription.*", "shipment.*"]),
    ];

    private readonly List<(string App, string Type, JsonNode Example)> _sendable = [];

    /// <summary>Makes apps, types and endpoints where there are none; answers whether it did.</summary>
    public async Task<bool> Fill()
    {
        var known = (await api(HttpMethod.Get, "/api/v1/apps?limit=250", null))!["data"]!.AsArray();
        var isNew = known.Count == 0;
        foreach (var name in Types.Select(type => type.App).Distinct())
        {
            var app = (known.FirstOrDefault(found => (string)found!["name"]! == name) ?? await api(HttpMethod.Post, "/api/v1/apps", new JsonObject { ["name"] = name, ["routingKeyBodyPath"] = "customer.id" }))!;
            var id = (string)app["appId"]!;
            foreach (var (_, type, description, example) in Types.Where(type => type.App == name))
            {
                await api(HttpMethod.Put, $"/api/v1/apps/{id}/event-types/{type}", new JsonObject { ["description"] = description, ["examplePayload"] = JsonNode.Parse(example) });
                _sendable.Add((id, type, JsonNode.Parse(example)!));
            }
            await AddEndpoints(id);
        }
        return isNew;
    }

    /// <summary>Sends one message to some customer.</summary>
    public async Task SendOne()
    {
        var (app, type, example) = _sendable[random.Next(_sendable.Count)];
        var data = example.DeepClone().AsObject();
        if (data.ContainsKey("invoiceId"))
        {
            data["invoiceId"] = $"inv_{random.Next(1_000, 9_999)}";
            data["amount"] = random.Next(4, 900) * 50;
        }
        var customers = Customers.Select(customer => customer.Id).Distinct().ToArray();
        await api(HttpMethod.Post, $"/api/v1/apps/{app}/messages", new JsonObject { ["recipient"] = customers[random.Next(customers.Length)], ["type"] = type, ["data"] = data });
    }

    // The receivers of an earlier demo listened elsewhere: what is there is led to the new ones.
    private async Task AddEndpoints(string app)
    {
        var known = (await api(HttpMethod.Get, $"/api/v1/apps/{app}/endpoints?limit=250", null))!["data"]!.AsArray();
        foreach (var customer in Customers)
        {
            // Nothing listens at port 9: a server that was switched off and that nobody told us of.
            var url = customer.Manner == "gone" ? "http://127.0.0.1:9/webhooks" : receiver.UrlOf(customer.Manner, customer.Id);
            if (known.FirstOrDefault(found => (string)found!["recipient"]! == customer.Id && (string?)found["name"] == customer.Endpoint) is { } old)
            {
                await api(HttpMethod.Patch, $"/api/v1/apps/{app}/endpoints/{(string)old["endpointId"]!}", new JsonObject { ["url"] = url });
                continue;
            }
            await api(HttpMethod.Post, $"/api/v1/apps/{app}/endpoints", new JsonObject
            {
                ["recipient"] = customer.Id,
                ["recipientName"] = customer.Name,
                ["name"] = customer.Endpoint,
                ["url"] = url,
                ["eventTypes"] = customer.Events is null ? null : JsonSerializer.SerializeToNode(customer.Events),
                ["headers"] = customer.Manner == "strict" ? new JsonObject { ["x-api-key"] = "hooli-secret-key" } : null,
            });
        }
    }
}
