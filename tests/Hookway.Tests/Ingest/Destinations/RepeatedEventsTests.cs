using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Destinations;

/// <summary>What looks like an event that came before is forwarded unless it is the same event; a batch goes where any of its items is wanted.</summary>
public sealed class RepeatedEventsTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Secret = "s3cret-of-the-vendor";

    private TestServer Server => fixture.Server;

    [Theory]
    [InlineData("mollie", null, "id=tr_d0b0E3EA3v")]
    [InlineData("plaid", null, """{"webhook_type":"TRANSACTIONS","webhook_code":"SYNC_UPDATES_AVAILABLE","item_id":"item_1"}""")]
    [InlineData("dropbox", "X-Dropbox-Signature", """{"list_folder":{"accounts":["dbid:1"]},"delta":{"users":[1]}}""")]
    [InlineData("asana", "X-Hook-Signature", """{"events":[]}""")]
    [InlineData("microsoft-graph", null, """{"value":[{"subscriptionId":"s1","clientState":"x","changeType":"updated","resource":"me/messages"}]}""")]
    public async Task A_vendor_that_says_only_that_something_changed_says_so_again(string vendor, string? signatureHeader, string body)
    {
        await using var receiver = await ReceiverStub.Start();
        var source = await Server.CreateSource(vendor, secret: signatureHeader is null ? null : Secret);
        await Server.CreateDestination(source, receiver.Url);

        for (var i = 0; i < 3; i++)
        {
            (await Send(source, body, signatureHeader)).GetProperty("duplicate").GetBoolean().ShouldBeFalse();
        }

        (await receiver.WaitFor(3)).ShouldAllBe(request => Encoding.UTF8.GetString(request.Body) == body);
        (await Server.Events(source)).ShouldAllBe(item => item.GetProperty("duplicateOf").ValueKind == JsonValueKind.Null);
    }

    [Fact]
    public async Task Equal_content_without_an_id_is_marked_and_forwarded_all_the_same()
    {
        await using var receiver = await ReceiverStub.Start();
        var source = await Server.CreateSource("custom", new { verification = new { algorithm = "token", header = "X-Token", eventTypePath = "type" } }, "t");
        await Server.CreateDestination(source, receiver.Url);
        async Task<JsonElement> Tick() => (await Server.Deliver(source.Path(), """{"type":"tick"}"""u8.ToArray(), headers: ("X-Token", "t"))).Expect(200).Body;

        var first = await Tick();
        var again = await Tick();

        again.GetProperty("duplicate").GetBoolean().ShouldBeTrue();
        (await Server.Event(again.GetProperty("eventId").GetString()!)).GetProperty("duplicateOf").GetString().ShouldBe(first.GetProperty("eventId").GetString());
        (await receiver.WaitFor(2)).Select(request => request.Headers["hookway-event-id"]).Distinct().Count().ShouldBe(2);
    }

    [Theory]
    [InlineData("meta", "X-Hub-Signature-256", """{"object":"page","entry":[{"id":"1","time":1700000001,"changes":[{"field":"feed","value":{"item":"A"}}]}]}""")]
    [InlineData("meta-whatsapp", "X-Hub-Signature-256",
        """{"entry":[{"changes":[{"value":{"statuses":[{"id":"wamid.1","status":"sent"},{"id":"A","status":"read"}]}}]}]}""")]
    [InlineData("hubspot-v1", null, """[{"subscriptionId":1,"eventId":7,"objectId":3,"occurredAt":1700000001000},{"eventId":8,"propertyValue":"A"}]""")]
    [InlineData("sendgrid", null, """[{"event":"delivered","sg_event_id":"e1","sg_message_id":"m1"},{"event":"bounce","sg_event_id":"A"}]""")]
    [InlineData("dropbox-sign", null, """{"event":{"event_type":"signature_request_signed","event_time":"1795384805","event_hash":"h"},"signature_request":{"signature_request_id":"A"}}""")]
    [InlineData("pipedrive", null, """{"meta":{"id":"1","correlation_id":"c1"},"data":{"name":"A"}}""")]
    [InlineData("gitlab", null, """{"object_kind":"push","ref":"A"}""")]
    public async Task Different_events_under_one_made_up_id_are_no_duplicates_and_the_same_ones_are(string vendor, string? signatureHeader, string body)
    {
        await using var receiver = await ReceiverStub.Start();
        var source = await Server.CreateSource(vendor, secret: signatureHeader is null ? null : Secret);
        await Server.CreateDestination(source, receiver.Url);
        var other = body.Replace("\"A\"", "\"B\"", StringComparison.Ordinal);

        var answers = new List<JsonElement>();
        foreach (var sent in (string[])[body, other, body, other])
        {
            answers.Add(await Send(source, sent, signatureHeader, ("X-Gitlab-Event-UUID", "shared-by-recursive-hooks")));
        }

        answers.Select(answer => answer.GetProperty("duplicate").GetBoolean()).ShouldBe([false, false, true, true]);
        var got = await receiver.WaitFor(2);
        got.Select(request => Encoding.UTF8.GetString(request.Body)).ShouldBe([body, other], ignoreOrder: true);
        (await Server.Event(answers[3].GetProperty("eventId").GetString()!)).GetProperty("status").GetString().ShouldBe("skipped");
        if (vendor != "dropbox-sign")
        {
            (await Server.Events(source)).Select(item => item.GetProperty("vendorEventId").GetString()).Distinct().Count().ShouldBe(1, "the id that is shown is the vendor's");
        }
    }

    [Theory]
    [InlineData("sendgrid", null, """[{"event":"delivered","sg_event_id":"1","sg_message_id":"m1"},{"event":"bounce","sg_event_id":"2","sg_message_id":"m2"}]""", "bounce", "m2")]
    [InlineData("gocardless", "Webhook-Signature",
        """{"events":[{"id":"EV1","resource_type":"payments","action":"confirmed","links":{"payment":"PM1"}},{"id":"EV2","resource_type":"mandates","action":"active","links":{"mandate":"MD1"}}]}""",
        "mandates.*", "MD1")]
    [InlineData("xero", null, """{"events":[{"resourceId":"r1","eventCategory":"CONTACT","eventType":"CREATE"},{"resourceId":"r2","eventCategory":"INVOICE","eventType":"UPDATE"}]}""", "INVOICE.UPDATE", "r2")]
    public async Task A_batch_goes_where_any_of_its_items_is_wanted(string vendor, string? signatureHeader, string body, string type, string entity)
    {
        await using var receiver = await ReceiverStub.Start();
        var source = await Server.CreateSource(vendor, secret: signatureHeader is null ? null : Secret);
        await Server.CreateDestination(source, receiver.UrlFor("/type"), new { filterEventTypes = type });
        await Server.CreateDestination(source, receiver.UrlFor("/entity"), new { filterEntityKey = entity });
        await Server.CreateDestination(source, receiver.UrlFor("/both"), new { filterEventTypes = type, filterEntityKey = entity });
        await Server.CreateDestination(source, receiver.UrlFor("/none"), new { filterEventTypes = "other", filterEntityKey = entity });

        var id = (await Send(source, body, signatureHeader)).GetProperty("eventId").GetString()!;

        await Server.WaitForEvent(id, "succeeded");
        receiver.Requests.Select(request => request.Path).Order().ShouldBe(["/both", "/entity", "/type"]);
        var late = await Server.CreateDestination(source, receiver.UrlFor("/late"), new { filterEventTypes = type });
        (await Server.Post("/api/v1/ingest/replays", new { sourceId = source.Id(), destinationId = late })).Expect(202);
        (await receiver.WaitFor(4)).Select(request => request.Path).ShouldContain("/late");
    }

    [Fact]
    public async Task The_last_item_of_a_large_batch_counts_too()
    {
        await using var receiver = await ReceiverStub.Start();
        var source = await Server.CreateSource("sendgrid", secret: null);
        await Server.CreateDestination(source, receiver.Url, new { filterEventTypes = "bounce", filterEntityKey = "last" });
        var body = JsonSerializer.Serialize(Enumerable.Range(0, 3_000).Select(i => new { @event = "delivered", sg_event_id = $"e{i}", sg_message_id = $"m{i}" })
            .Append(new { @event = "bounce", sg_event_id = "e", sg_message_id = "last" }));

        await Send(source, body, null);

        (await receiver.WaitFor(1))[0].Body.Length.ShouldBe(body.Length);
    }

    private async Task<JsonElement> Send(JsonElement source, string body, string? signatureHeader, params (string, string)[] more)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        var signature = Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), bytes));
        var headers = signatureHeader is null ? more : [(signatureHeader, (signatureHeader.StartsWith("X-Hub", StringComparison.Ordinal) ? "sha256=" : "") + signature), .. more];
        (await Server.Deliver(source.Path(), bytes, body[0] is '{' or '[' ? "application/json" : "application/x-www-form-urlencoded", headers: headers)).Status.ShouldBeInRange(200, 202);
        // Some vendors want an answer of their own, so the ledger is asked.
        var newest = (await Server.Events(source, "&limit=1"))[0];
        return JsonSerializer.SerializeToElement(new { eventId = newest.GetProperty("eventId").GetString(), duplicate = newest.GetProperty("duplicateOf").ValueKind is JsonValueKind.String });
    }
}
