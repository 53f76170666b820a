using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hookway.Hosting.Demo;

/// <summary>The vendors of the demo, which sign what they send as the real ones do; one of their feeds is not as it should be: now and then an event comes late, twice or forged.</summary>
/// <param name="api">Calls the API with a key.</param>
/// <param name="send">Sends a vendor's request to an ingest URL.</param>
/// <param name="receiver">Where the events are forwarded to.</param>
public sealed class DemoFeeds(Func<HttpMethod, string, JsonNode?, Task<JsonNode?>> api, Func<HttpRequestMessage, Task<HttpStatusCode>> send, DemoReceiver receiver, Random random, TimeProvider clock)
{
    private const string StripeName = "Stripe production";
    private const string GitHubName = "GitHub deployments";

    private static readonly string[] Customers = ["cus_8Kd2Acme", "cus_Q1Globex", "cus_77Initech", "cus_9Stark"];

    private string _stripeSecret = "";
    private string _gitHubSecret = "";
    private Uri _stripe = null!;
    private Uri _gitHub = null!;
    private int _sent;

    /// <summary>Makes the sources where there are none, and gives those of an earlier demo new secrets.</summary>
    public async Task Fill()
    {
        _stripeSecret = "whsec_" + NewSecret();
        _gitHubSecret = NewSecret();
        var known = (await api(HttpMethod.Get, "/api/v1/ingest/sources?limit=250", null))!["data"]!.AsArray();
        _stripe = await Source(known, StripeName, "stripe", _stripeSecret);
        _gitHub = await Source(known, GitHubName, "github", _gitHubSecret);
        var destinations = (await api(HttpMethod.Get, "/api/v1/ingest/destinations?limit=250", null))!["data"]!.AsArray();
        await Destination(destinations, _stripe, "Billing service", receiver.UrlOf("healthy", "billing"), null);
        await Destination(destinations, _stripe, "Dunning", receiver.UrlOf("flaky", "dunning"), "invoice.payment_failed");
        await Destination(destinations, _gitHub, "Deploy bot", receiver.UrlOf("slow", "deploy"), "release.*");
    }

    /// <summary>Sends one event of some vendor.</summary>
    public async Task SendOne()
    {
        _sent++;
        // What is not as it should be, soon after the start and then now and then.
        var isLate = _sent % 40 == 12;
        var isForged = _sent % 55 is 20 or 21;
        if (random.Next(4) == 0 && !isLate && !isForged)
        {
            await SendGitHub();
            return;
        }
        var now = clock.GetUtcNow();
        var customer = Customers[random.Next(Customers.Length)];
        var invoice = $"in_{random.Next(100_000, 999_999)}";
        var amount = random.Next(9, 400) * 100;
        await SendStripe("invoice.created", invoice, new JsonObject { ["object"] = "invoice", ["customer"] = customer, ["amount_due"] = amount, ["currency"] = "eur", ["status"] = "open", ["auto_advance"] = false }, now.AddSeconds(-2), false);
        var (id, body) = await SendStripe(
            random.Next(6) == 0 ? "invoice.payment_failed" : "invoice.paid", invoice,
            new JsonObject { ["object"] = "invoice", ["customer"] = customer, ["amount_paid"] = amount, ["currency"] = "eur", ["status"] = "paid" }, isLate ? now.AddMinutes(-38) : now, isForged);
        if (_sent % 9 == 0 && id.Length > 0)
        {
            // The answer was lost on the way, so the vendor sends it again.
            await Deliver(_stripe, body, ("Stripe-Signature", StripeSignature(body, _stripeSecret, now)));
        }
    }

    private async Task<(string Id, byte[] Body)> SendStripe(string type, string about, JsonObject what, DateTimeOffset happened, bool isForged)
    {
        var id = $"evt_1{random.Next(0x10000000, int.MaxValue):x}";
        what["id"] = about;
        var body = JsonSerializer.SerializeToUtf8Bytes(new JsonObject
        {
            ["id"] = id, ["object"] = "event", ["api_version"] = "2025-09-30", ["created"] = happened.ToUnixTimeSeconds(), ["livemode"] = true, ["type"] = type, ["data"] = new JsonObject { ["object"] = what },
        });
        await Deliver(_stripe, body, ("Stripe-Signature", StripeSignature(body, isForged ? "whsec_guessed" : _stripeSecret, clock.GetUtcNow())));
        return (id, body);
    }

    private async Task SendGitHub()
    {
        var run = random.Next(10_000_000, 99_999_999);
        var body = JsonSerializer.SerializeToUtf8Bytes(new JsonObject
        {
            ["action"] = "published", ["release"] = new JsonObject { ["id"] = run, ["tag_name"] = $"v1.{random.Next(90)}.0", ["name"] = "Northwind web" }, ["repository"] = new JsonObject { ["id"] = 4711, ["full_name"] = "northwind/web" },
            ["sender"] = new JsonObject { ["login"] = "ada" },
        });
        var signature = Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(_gitHubSecret), body));
        await Deliver(_gitHub, body, ("X-GitHub-Event", "release"), ("X-GitHub-Delivery", $"{run}-{random.Next(0x1000, 0xffff):x}"), ("X-Hub-Signature-256", "sha256=" + signature));
    }

    private async Task Deliver(Uri url, byte[] body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new("application/json");
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
        // A forged one is refused, which is what it is for.
        await send(request);
    }

    private async Task<Uri> Source(JsonArray known, string name, string vendor, string secret)
    {
        var source = known.FirstOrDefault(found => (string)found!["name"]! == name) is { } old
            ? await api(HttpMethod.Patch, $"/api/v1/ingest/sources/{(string)old["sourceId"]!}", new JsonObject { ["signingSecret"] = secret })
            : await api(HttpMethod.Post, "/api/v1/ingest/sources", new JsonObject { ["name"] = name, ["vendor"] = vendor, ["signingSecret"] = secret });
        return new Uri((string)source!["ingestUrl"]!);
    }

    // The receivers of an earlier demo listened elsewhere.
    private async Task Destination(JsonArray known, Uri source, string name, string url, string? types)
    {
        if (known.FirstOrDefault(found => (string)found!["name"]! == name) is { } old)
        {
            await api(HttpMethod.Patch, $"/api/v1/ingest/destinations/{(string)old["destinationId"]!}", new JsonObject { ["endpointUrl"] = url });
            return;
        }
        await api(HttpMethod.Post, "/api/v1/ingest/destinations", new JsonObject { ["name"] = name, ["sourceId"] = source.Segments[2].TrimEnd('/'), ["endpointUrl"] = url, ["filterEventTypes"] = types });
    }

    private string NewSecret() => string.Concat(Enumerable.Range(0, 4).Select(_ => random.Next().ToString("x8", System.Globalization.CultureInfo.InvariantCulture)));

    private static string StripeSignature(byte[] body, string secret, DateTimeOffset at)
    {
        var time = at.ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture);
        byte[] signed = [.. Encoding.UTF8.GetBytes(time + "."), .. body];
        return $"t={time},v1={Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), signed))}";
    }
}
