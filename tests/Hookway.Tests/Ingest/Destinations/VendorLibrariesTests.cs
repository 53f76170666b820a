using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Hookway.Tests.Support;
using Hookway.Webhooks;

namespace Hookway.Tests.Ingest.Destinations;

/// <summary>Destinations that verify what is forwarded to them with the vendors' own npm libraries, which know nothing of Hookway.</summary>
public sealed class VendorLibrariesTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private static readonly string NpmFolder = Path.Combine(Repository.Tests, "Ingest", "Destinations", "npm");

    private TestServer Server => fixture.Server;

    [Fact]
    public async Task The_vendors_own_libraries_accept_what_is_forwarded_and_refuse_what_was_changed()
    {
        var standard = WebhookSecret.Generate(SignatureScheme.HmacSha256);
        var now = TimeProvider.System.GetUtcNow();
        var at = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        const string Stripe = """{"id": "evt_1", "object":"event","type":"invoice.paid", "data":{"object":{"id":"in_1","name":"Zoë ✓","amount":1.10}} }""";
        const string GitHub = """{"action" : "opened","issue":{"id":7,"title":"Zoë ✓\r\n"}}""";
        const string Slack = "token=x&team_id=T1&command=%2Fweather&text=94070&trigger_id=1.2";
        const string Standard = """{"type":"user.created","data":{"n":1.0}}""";
        (string Vendor, string Secret, string Body, string ContentType, (string, string)[] Headers)[] feeds =
        [
            ("stripe", "whsec_stripe_s3cret", Stripe, "application/json; charset=utf-8", [("Stripe-Signature", $"t={at},v1={Hex("whsec_stripe_s3cret", $"{at}.{Stripe}")}")]),
            ("github", IngestClient.Secret, GitHub, "application/json", [("X-GitHub-Event", "issues"), ("X-GitHub-Delivery", "v-1"), ("X-Hub-Signature-256", "sha256=" + Hex(IngestClient.Secret, GitHub))]),
            ("slack", "8f742231b10e8888abcd99yyyzzz85a5", Slack, "application/x-www-form-urlencoded",
                [("X-Slack-Request-Timestamp", at), ("X-Slack-Signature", "v0=" + Hex("8f742231b10e8888abcd99yyyzzz85a5", $"v0:{at}:{Slack}"))]),
            ("standardwebhooks", standard.Reveal(), Standard, "application/json",
                [("webhook-id", "msg_v"), ("webhook-timestamp", at), ("webhook-signature", WebhookSignature.Sign(standard, "msg_v", now, Encoding.UTF8.GetBytes(Standard)))]),
        ];
        await using var receiver = await ReceiverStub.Start();
        foreach (var feed in feeds)
        {
            var source = await Server.CreateSource(feed.Vendor, secret: feed.Secret);
            await Server.CreateDestination(source, receiver.UrlFor("/" + feed.Vendor));
            (await Server.Deliver(source.Path(), Encoding.UTF8.GetBytes(feed.Body), feed.ContentType, headers: feed.Headers)).Expect(200);
        }
        // A destination's own secret takes the place of the vendor's signature of the same name.
        var own = WebhookSecret.Generate(SignatureScheme.HmacSha256);
        var signed = await Server.CreateSource("github");
        await Server.CreateDestination(signed, receiver.UrlFor("/own"), new { signingSecret = own.Reveal() });
        (await Server.DeliverGitHub(signed, "own-1")).Expect(200);
        var got = (await receiver.WaitFor(feeds.Length + 1)).ToDictionary(request => request.Path);
        got["/own"].Headers["hookway-source"].ShouldBe(signed.Id());

        List<(string Vendor, string Secret, ReceivedRequest Request)> all = [.. feeds.Select(feed => (feed.Vendor, feed.Secret, got["/" + feed.Vendor]))];
        all.Add(("standardwebhooks", own.Reveal(), got["/own"]));
        all.Add(("github", IngestClient.Secret, got["/own"]));
        var accepted = await AskNpm(all);
        accepted.ShouldAllBe(verdict => verdict.Ok);
        accepted.Count.ShouldBe(6);
        var refused = await AskNpm(all.Select(item => (item.Vendor, item.Secret, item.Request with { Body = [.. item.Request.Body, (byte)' '] })));
        refused.ShouldAllBe(verdict => !verdict.Ok);
    }

    private static string Hex(string secret, string content) => Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(content)));

    private static async Task<IReadOnlyList<Verdict>> AskNpm(IEnumerable<(string Vendor, string Secret, ReceivedRequest Request)> items)
    {
        var output = await Npm.Run(NpmFolder, "verify.mjs", string.Join('\n', items.Select(item => JsonSerializer.Serialize(new
        {
            vendor = item.Vendor,
            secret = item.Secret,
            headers = item.Request.Headers.ToDictionary(header => header.Key.ToLowerInvariant(), header => header.Value),
            body = Convert.ToBase64String(item.Request.Body),
        }))));
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<Verdict>(line, JsonSerializerOptions.Web)!)];
    }

    private sealed record Verdict(string Vendor, bool Ok, string? Error);
}
