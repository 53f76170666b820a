using System.Globalization;
using System.Text;
using System.Text.Json;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Dispatch.Messages;

public class MessagesApiTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string TimeForm = @"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$";

    private TestServer Server => fixture.Server;

    [Fact]
    public async Task A_sent_message_is_accepted_delivered_and_shown_with_its_attempt()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.Respond(async (_, context) =>
        {
            context.Response.Headers["X-Answer"] = "yes";
            await context.Response.WriteAsync("thanks ☃");
        });
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, receiver.Url);

        var sent = (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "customer_1", type = "invoice.paid", data = new { n = 1 } })).Expect(202);

        var id = sent.Text("messageId");
        id.ShouldMatch("^msg_[0-9a-hjkmnp-tv-z]{26}$");
        sent.Text("appId").ShouldBe(app);
        sent.Text("recipient").ShouldBe("customer_1");
        sent.Text("type").ShouldBe("invoice.paid");
        sent.Text("status").ShouldBe("pending");
        sent.Body.GetProperty("duplicate").GetBoolean().ShouldBeFalse();
        sent.Text("createdAt").ShouldMatch(TimeForm);
        sent.Body.GetProperty("deliverAt").ValueKind.ShouldBe(JsonValueKind.Null);
        sent.Body.GetProperty("deliveries")[0].GetProperty("endpointId").GetString().ShouldBe(endpoint);
        var done = await Server.WaitForMessage(app, id, "succeeded");
        var delivery = done.GetProperty("deliveries").EnumerateArray().ShouldHaveSingleItem();
        delivery.GetProperty("url").GetString().ShouldBe(receiver.Url.AbsoluteUri);
        delivery.GetProperty("status").GetString().ShouldBe("succeeded");
        delivery.GetProperty("attemptCount").GetInt32().ShouldBe(1);
        delivery.GetProperty("lastResponseStatus").GetInt32().ShouldBe(200);
        foreach (var field in new[] { "nextAttemptAt", "lastError", "reason" })
        {
            delivery.GetProperty(field).ValueKind.ShouldBe(JsonValueKind.Null);
        }
        var attempt = (await Server.Attempts(app, id)).ShouldHaveSingleItem();
        attempt.GetProperty("attemptId").GetString().ShouldStartWith("att_");
        attempt.GetProperty("messageId").GetString().ShouldBe(id);
        attempt.GetProperty("endpointId").GetString().ShouldBe(endpoint);
        attempt.GetProperty("url").GetString().ShouldBe(receiver.Url.AbsoluteUri);
        attempt.GetProperty("number").GetInt32().ShouldBe(1);
        attempt.GetProperty("trigger").GetString().ShouldBe("automatic");
        attempt.GetProperty("status").GetString().ShouldBe("succeeded");
        attempt.GetProperty("responseStatus").GetInt32().ShouldBe(200);
        attempt.GetProperty("responseBody").GetString().ShouldBe("thanks ☃");
        attempt.GetProperty("responseHeaders").GetProperty("X-Answer").GetString().ShouldBe("yes");
        attempt.GetProperty("error").ValueKind.ShouldBe(JsonValueKind.Null);
        attempt.GetProperty("startedAt").GetString()!.ShouldMatch(TimeForm);
        attempt.GetProperty("requestHeaders").GetProperty("webhook-id").GetString().ShouldBe(id);
        var request = receiver.Requests.ShouldHaveSingleItem();
        request.Method.ShouldBe("POST");
        request.Headers["content-type"].ShouldBe("application/json");
        request.Headers["user-agent"].ShouldStartWith("Hookway/");
        Encoding.UTF8.GetString(request.Body).ShouldBe($$$"""{"type":"invoice.paid","timestamp":"{{{sent.Text("createdAt")}}}","data":{"n":1}}""");
    }

    [Theory]
    [InlineData("{ \"a\" : 1 ,\t\"b\":[ ] }")]
    [InlineData("{\"a\":1.0,\"b\":1e5,\"c\":-0,\"d\":12345678901234567890.123456789,\"e\":1E+400}")]
    [InlineData("{\"a\":1,\"a\":2}")]
    [InlineData("\"\\u00e9é\\ud83d\\ude00😀\\/\"")]
    [InlineData("\"\\ud800\"")]
    [InlineData("\"<script>&'\"")]
    [InlineData("null")]
    [InlineData("true")]
    [InlineData("0")]
    [InlineData("[]")]
    [InlineData("[\n  1,\r\n  2\n]")]
    [InlineData("\"\"")]
    public async Task Data_is_sent_byte_for_byte(string data)
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, receiver.Url);

        var sent = (await Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages", $$"""{"recipient":"customer_1","data":  {{data}}  ,"type":"invoice.paid"}""")).Expect(202);

        var body = Encoding.UTF8.GetString((await receiver.WaitFor(1))[0].Body);
        body.ShouldBe($$"""{"type":"invoice.paid","timestamp":"{{sent.Text("createdAt")}}","data":{{data}}}""");
        var shown = (await Server.Get($"/api/v1/apps/{app}/messages/{sent.Text("messageId")}")).Expect(200);
        shown.Body.GetProperty("data").GetRawText().ShouldBe(data);
    }

    [Fact]
    public async Task Absent_data_is_an_empty_object()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, receiver.Url);
        await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "customer_1", type = "invoice.paid" });
        Encoding.UTF8.GetString((await receiver.WaitFor(1))[0].Body).ShouldEndWith(",\"data\":{}}");
    }

    [Fact]
    public async Task Data_nested_as_deeply_as_was_accepted_is_delivered_and_read_back()
    {
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, fixture.Receiver.Url, new { filter = new[] { new { bodyPath = "a", exists = false } } });
        var refused = 0;
        foreach (var depth in Enumerable.Range(58, 10))
        {
            var data = new string('[', depth) + new string(']', depth);
            var sent = await Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages", $$"""{"recipient":"customer_1","type":"invoice.paid","data":{{data}}}""");
            sent.Status.ShouldBeOneOf(202, 400);
            refused += sent.Status == 400 ? 1 : 0;
            if (sent.Status == 202)
            {
                (await Server.WaitForMessage(app, sent.Text("messageId"), "succeeded")).GetProperty("data").GetRawText().ShouldBe(data);
                (await Server.Get($"/api/v1/apps/{app}/messages")).Expect(200);
            }
        }
        refused.ShouldBeGreaterThan(0);
    }

    [Theory]
    [InlineData("""{"type":"invoice.paid"}""", "recipient")]
    [InlineData("""{"recipient":"a"}""", "type")]
    [InlineData("""{"recipient":"a","type":null}""", "type")]
    [InlineData("""{"recipient":"a","type":"b c"}""", "type")]
    [InlineData("""{"recipient":5,"type":"invoice.paid"}""", "recipient")]
    [InlineData("""{"recipient":{"a":[1]},"type":"invoice.paid"}""", "recipient")]
    [InlineData("""{"recipient":"a","type":"invoice.paid","messageId":"msg_1"}""", "messageId")]
    [InlineData("""{"recipient":"a","type":"invoice.paid","messageId":"a.b"}""", "messageId")]
    [InlineData("""{"recipient":"a","type":"invoice.paid","messageId":""}""", "messageId")]
    [InlineData("""{"recipient":"a","type":"invoice.paid","messageId":7}""", "messageId")]
    [InlineData("""{"recipient":"a","type":"invoice.paid","idempotencyKey":""}""", "idempotencyKey")]
    [InlineData("""{"recipient":"a","type":"invoice.paid","deliverAt":"tomorrow"}""", "deliverAt")]
    [InlineData("""{"recipient":"a","type":"invoice.paid","deliverAt":"2030-01-01T00:00:00"}""", "deliverAt")]
    [InlineData("""{"recipient":"a","type":"invoice.paid","deliverAt":"9999-12-31T23:59:59Z"}""", "deliverAt")]
    [InlineData("""{"recipient":"a","type":"invoice.paid","deliverAt":5}""", "deliverAt")]
    [InlineData("""{"recipient":"a","type":"invoice.paid","payload":{}}""", "payload")]
    [InlineData("""{"recipient":"a","type":"invoice.paid","recipient":"b"}""", "recipient")]
    [InlineData("""{"recipient":"a","type":"invoice.paid","data":1,"data":2}""", "data")]
    public async Task What_is_wrong_is_named_and_nothing_is_kept(string body, string field)
    {
        var app = await Server.CreateApp();
        (await Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages", body)).ExpectInvalid(field);
        (await Server.Get($"/api/v1/apps/{app}/messages")).Items.ShouldBeEmpty();
        (await Server.Get($"/api/v1/apps/{app}/recipients")).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task All_that_is_wrong_is_named_at_once()
    {
        var app = await Server.CreateApp();
        var answer = await Server.Raw(HttpMethod.Post, $"/api/v1/apps/{app}/messages", """{"type":"b c","messageId":"a.b","deliverAt":"never","extra":1,"recipient":"a"}""");
        foreach (var field in new[] { "type", "messageId", "deliverAt", "extra" })
        {
            answer.ExpectInvalid(field);
        }
    }

    [Fact]
    public async Task A_type_that_was_never_published_is_refused_by_its_code()
    {
        var app = await Server.CreateApp();
        (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "a", type = "never" })).ExpectCode(400, "event_type_not_published");
        (await Server.Post("/api/v1/apps/app_00000000000000000000000000/messages", new { recipient = "a", type = "never" })).Expect(404);
    }

    [Fact]
    public async Task Pages_show_each_message_once_while_others_arrive()
    {
        var app = await Server.CreateApp();
        var sent = new List<string>();
        for (var i = 0; i < 12; i++)
        {
            sent.Insert(0, await Server.Send(app));
        }
        var seen = new List<string>();
        var page = (await Server.Get($"/api/v1/apps/{app}/messages?limit=5")).Expect(200);
        while (true)
        {
            seen.AddRange(page.Items.Select(item => item.GetProperty("messageId").GetString()!));
            if (page.Body.GetProperty("nextCursor").GetString() is not { } cursor)
            {
                break;
            }
            await Server.Send(app);
            page = (await Server.Get($"/api/v1/apps/{app}/messages?limit=5&cursor={Uri.EscapeDataString(cursor)}")).Expect(200);
        }
        seen.ShouldBe(sent);
        page.Items[0].TryGetProperty("data", out _).ShouldBeFalse();
    }

    [Fact]
    public async Task Lists_filter_by_recipient_type_status_and_time()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        await using var server = await TestServer.Start(clock: clock);
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondPerPath("/bad", 500);
        var app = await server.CreateApp("a", "b");
        await server.CreateEndpoint(app, receiver.Url, recipient: "good");
        await server.CreateEndpoint(app, receiver.UrlFor("/bad"), new { retryMaxAttempts = 1 }, "bad");
        var good = await server.Send(app, recipient: "good", type: "a");
        clock.Advance(TimeSpan.FromSeconds(1));
        var bad = await server.Send(app, recipient: "bad", type: "b");
        clock.Advance(TimeSpan.FromSeconds(1));
        var nobody = await server.Send(app, recipient: "nobody", type: "b");
        await server.WaitForMessage(app, good, "succeeded");
        await server.WaitForMessage(app, bad, "failed");

        async Task<IEnumerable<string?>> List(string query) =>
            (await server.Get($"/api/v1/apps/{app}/messages?{query}")).Expect(200).Items.Select(item => item.GetProperty("messageId").GetString());
        (await List("")).ShouldBe([nobody, bad, good]);
        (await List("recipient=good")).ShouldBe([good]);
        (await List("recipient=stranger")).ShouldBeEmpty();
        (await List("type=b")).ShouldBe([nobody, bad]);
        (await List("type=b&recipient=bad")).ShouldBe([bad]);
        (await List("status=succeeded")).ShouldBe([good]);
        (await List("status=failed")).ShouldBe([bad]);
        (await List("status=skipped")).ShouldBe([nobody]);
        (await List("status=pending")).ShouldBeEmpty();
        (await List("status=canceled")).ShouldBeEmpty();
        (await List("since=2026-03-01T12:00:01.000Z")).ShouldBe([nobody, bad]);
        (await List("until=2026-03-01T12:00:01.000Z")).ShouldBe([good]);
        (await List("since=2026-03-01T12:00:01Z&until=2026-03-01T12:00:02Z")).ShouldBe([bad]);
        (await List("since=2026-03-01T14:00:01%2B02:00")).ShouldBe([nobody, bad]);
        (await server.Get($"/api/v1/apps/{app}/messages?status=done")).ExpectInvalid("status");
        (await server.Get($"/api/v1/apps/{app}/messages?since=yesterday")).ExpectInvalid("since");
        (await server.Get($"/api/v1/apps/{app}/messages?until=5")).ExpectInvalid("until");
    }

    [Fact]
    public async Task Attempts_are_oldest_first_filtered_and_paged()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondPerPath("/flaky", 500, 200);
        var app = await Server.CreateApp();
        var flaky = await Server.CreateEndpoint(app, receiver.UrlFor("/flaky"), new { retryBackoffSeconds = 1 });
        var steady = await Server.CreateEndpoint(app, receiver.UrlFor("/steady"));
        var message = await Server.Send(app);
        await Server.WaitForMessage(app, message, "succeeded");
        var path = $"/api/v1/apps/{app}/messages/{message}/attempts";

        (await Server.Attempts(app, message)).Length.ShouldBe(3);
        (await Server.Get($"{path}?endpointId={flaky}")).Items.Select(item => item.GetProperty("number").GetInt32()).ShouldBe([1, 2]);
        (await Server.Get($"{path}?endpointId={flaky}&status=failed")).Items.ShouldHaveSingleItem().GetProperty("error").GetString().ShouldBe("http_status");
        (await Server.Get($"{path}?status=succeeded&endpointId={steady}")).Items.Length.ShouldBe(1);
        var first = (await Server.Get($"{path}?endpointId={flaky}&limit=1")).Expect(200);
        var second = (await Server.Get($"{path}?endpointId={flaky}&limit=1&cursor={first.Text("nextCursor")}")).Expect(200);
        second.Items.ShouldHaveSingleItem().GetProperty("number").GetInt32().ShouldBe(2);
        second.Body.GetProperty("nextCursor").ValueKind.ShouldBe(JsonValueKind.Null);
        (await Server.Get($"{path}?status=pending")).ExpectInvalid("status");
        (await Server.Get($"{path}?endpointId=ep_00000000000000000000000000")).Expect(404);
        (await Server.Get($"{path}?cursor={(await Server.Get($"/api/v1/apps/{app}/event-types?limit=1")).Body.GetProperty("nextCursor")}x")).ExpectInvalid("cursor");
        (await Server.Delete($"/api/v1/apps/{app}/endpoints/{flaky}")).Expect(200);
        (await Server.Attempts(app, message)).Length.ShouldBe(3);
        (await Server.Get($"{path}?endpointId={flaky}")).Expect(200).Items.Length.ShouldBe(2);
    }

    [Fact]
    public async Task Binary_answers_are_kept_to_16_KiB_and_shown_as_text()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.Respond((_, context) => context.Response.Body.WriteAsync(Enumerable.Repeat((byte)0xFF, 40_000).Prepend((byte)0).ToArray()).AsTask());
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, receiver.Url);
        var message = await Server.Send(app);
        await Server.WaitForMessage(app, message, "succeeded");
        (await Server.Attempts(app, message))[0].GetProperty("responseBody").GetString()!.Length.ShouldBe(16 * 1024);
    }

    [Fact]
    public async Task A_message_of_another_app_is_not_found()
    {
        var app = await Server.CreateApp();
        var other = await Server.CreateApp();
        var message = await Server.Send(app);

        (await Server.Get($"/api/v1/apps/{other}/messages/{message}")).Expect(404);
        (await Server.Get($"/api/v1/apps/{other}/messages/{message}/attempts")).Expect(404);
        (await Server.Post($"/api/v1/apps/{other}/messages/{message}/replay")).Expect(404);
    }

    [Theory]
    [InlineData(29, 202)]
    [InlineData(31, 400)]
    public async Task Delivery_is_at_most_30_days_ahead(int days, int status)
    {
        var app = await Server.CreateApp();
        var at = DateTimeOffset.UtcNow.AddDays(days).ToString("O", CultureInfo.InvariantCulture);
        (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "a", type = "invoice.paid", deliverAt = at })).Expect(status);
    }
}
