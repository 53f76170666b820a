using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Hookway.Tests.Ingest.Verification;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Ingest.Intake;

/// <summary>Signatures that were overheard and come again with something else beside them.</summary>
public sealed class SignatureReuseTests : IAsyncLifetime
{
    private const string Key = "mailgun-signing-key";

    private readonly FakeTimeProvider _clock = new(DateTimeOffset.FromUnixTimeSeconds(1_795_384_805));
    private TestServer _server = null!;
    private ReceiverStub _receiver = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.Start(clock: _clock);
        _receiver = await ReceiverStub.Start();
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _receiver.DisposeAsync();
    }

    [Fact]
    public async Task A_token_that_is_used_once_lets_in_one_event_and_its_repetitions()
    {
        var source = await _server.CreateSource("mailgun", secret: Key);
        await _server.CreateDestination(source, _receiver.Url);
        var first = (await Send(source, "t1", "e1")).Expect(200).Text("eventId");
        await _server.WaitForEvent(first, "succeeded");

        (await Send(source, "t1", "e1")).Expect(200).Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue();
        (await Send(source, "t1", "e2")).ExpectCode(401, "signature_failed");
        (await Send(source, "t1", "e1", "altered")).Expect(401);
        (await Send(source, "t2", "e2")).Expect(200).Body.GetProperty("duplicate").GetBoolean().ShouldBeFalse("what was put in another's place claims nothing");

        (await _receiver.WaitFor(2)).Select(request => JsonElement.Parse(request.Body).GetProperty("event-data").GetProperty("id").GetString()).ShouldBe(["e1", "e2"]);
        var forged = await _server.Events(source, "&signatureStatus=failed");
        forged.Select(item => item.GetProperty("signatureError").GetString()).ShouldBe(["signature_reused", "signature_reused"]);
        var again = (await _server.Post($"/api/v1/ingest/events/{forged[0].GetProperty("eventId").GetString()}/verify", new { release = true })).Expect(200).Body;
        (again.GetProperty("verified").GetBoolean(), again.GetProperty("reason").GetString(), again.GetProperty("released").GetBoolean()).ShouldBe((false, "signature_reused", false));
        var counts = (await _server.Get($"/api/v1/ingest/sources/{source.Id()}")).Body.GetProperty("counts");
        (counts.GetProperty("verified").GetInt32(), counts.GetProperty("failed").GetInt32(), counts.GetProperty("duplicates").GetInt32()).ShouldBe((3, 2, 1));
    }

    [Fact]
    public async Task Of_many_events_under_one_token_that_come_at_once_one_is_let_in()
    {
        var source = await _server.CreateSource("mailgun", secret: Key);

        var answers = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => Send(source, "t1", $"e{i}")));

        answers.Count(answer => answer.Status == 200).ShouldBe(1);
        answers.Count(answer => answer.Status == 401).ShouldBe(31);
    }

    [Theory]
    [InlineData("mailgun", 900)]
    [InlineData("dropbox-sign", 48 * 60 * 60)]
    public async Task What_is_not_signed_of_the_body_is_not_taken_for_ever(string vendor, int seconds)
    {
        var vector = VendorVectors.Find(vendor);
        var source = await _server.CreateSource(vendor, secret: vector.Secret);
        Task<Answer> Again() => _server.Deliver(source.Path(), Convert.FromBase64String(vector.BodyBase64), null, null, [.. vector.Headers.Select(header => (header.Key, header.Value))]);

        _clock.Advance(TimeSpan.FromSeconds(seconds - 1));
        (await Again()).Expect(200);
        _clock.Advance(TimeSpan.FromSeconds(3));
        (await Again()).Expect(401);

        (await _server.Events(source, "&signatureStatus=failed")).Single().GetProperty("signatureError").GetString().ShouldBe("timestamp_too_old");
    }

    [Fact]
    public async Task A_signed_body_under_another_unsigned_id_is_marked_and_forwarded_all_the_same()
    {
        var source = await _server.CreateSource();
        await _server.CreateDestination(source, _receiver.Url);
        var payload = new { action = "opened", issue = new { id = 1 } };
        var first = (await _server.DeliverGitHub(source, "d-1", payload)).Expect(200).Text("eventId");

        var replayed = (await _server.DeliverGitHub(source, "d-2", payload, type: "push")).Expect(200);
        var redelivered = (await _server.DeliverGitHub(source, "d-1", payload)).Expect(200);
        var other = (await _server.DeliverGitHub(source, "d-3", new { action = "opened", issue = new { id = 2 } })).Expect(200);

        new[] { replayed, redelivered, other }.Select(answer => answer.Body.GetProperty("duplicate").GetBoolean()).ShouldBe([true, true, false]);
        (await _server.Event(replayed.Text("eventId"))).GetProperty("duplicateOf").GetString().ShouldBe(first);
        await _server.WaitForEvent(replayed.Text("eventId"), "succeeded");
        (await _server.Event(redelivered.Text("eventId"))).GetProperty("status").GetString().ShouldBe("skipped");
    }

    [Fact]
    public async Task Where_events_of_several_types_have_one_body_the_type_counts_too()
    {
        var source = await _server.CreateSource("shopify", secret: Key);
        var body = """{"id":820982911946154508}"""u8.ToArray();
        async Task<bool> IsDuplicate(string id, string topic) => (await _server.Deliver(source.Path(), body, headers:
        [
            ("X-Shopify-Hmac-Sha256", Convert.ToBase64String(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Key), body))), ("X-Shopify-Webhook-Id", id), ("X-Shopify-Topic", topic),
        ])).Expect(200).Body.GetProperty("duplicate").GetBoolean();

        (await IsDuplicate("w1", "orders/create")).ShouldBeFalse();
        (await IsDuplicate("w2", "orders/paid")).ShouldBeFalse();
        (await IsDuplicate("w3", "orders/paid")).ShouldBeTrue();
    }

    private Task<Answer> Send(JsonElement source, string token, string id, string more = "")
    {
        var timestamp = _clock.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signature = Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Key), Encoding.UTF8.GetBytes(timestamp + token)));
        var body = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
        {
            ["signature"] = new { timestamp, token, signature }, ["event-data"] = new { id, @event = "delivered", more },
        });
        return _server.Deliver(source.Path(), body);
    }
}
