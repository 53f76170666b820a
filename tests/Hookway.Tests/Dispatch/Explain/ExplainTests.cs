using System.Text.Json;
using Dapper;
using Hookway.Access;
using Hookway.Storage;
using Hookway.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Dispatch.Explain;

/// <summary>"Why did customer_123 not get invoice.paid?", each time with what had really happened.</summary>
public sealed class ExplainTests : IAsyncLifetime
{
    private const string Who = "customer_123";
    private const string Type = "invoice.paid";
    private const string Noon = "2026-03-01 12:00:00 UTC";

    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private TestServer _server = null!;
    private ReceiverStub _receiver = null!;
    private string _app = "";

    private string Url => _receiver.Url.AbsoluteUri;

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.Start(new() { ["Hookway:PublicUrl"] = "http://127.0.0.1:7" }, _clock);
        _receiver = await ReceiverStub.Start();
        _app = await _server.CreateApp(Type, "invoice.sent");
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _receiver.DisposeAsync();
    }

    [Fact]
    public async Task Delivered()
    {
        var endpoint = await Endpoint();
        var message = await Send("succeeded");

        var (answer, findings) = await Explain($"type={Type}");

        answer.ShouldBe($"{Who} got the last {Type}, {message} of {Noon}: it was delivered to {Url} at {Noon} with 200.");
        var finding = findings.ShouldHaveSingleItem();
        Text(finding, "kind").ShouldBe("delivered");
        Text(finding, "at").ShouldBe("2026-03-01T12:00:00.000Z");
        Text(finding, "text").ShouldBe($"{Type} {message} was delivered to {Url} at {Noon} with 200.");
        Text(finding, "messageId").ShouldBe(message);
        Text(finding, "endpointId").ShouldBe(endpoint);
        Text(finding, "attemptId").ShouldBe((await _server.Attempts(_app, message))[0].GetProperty("attemptId").GetString());
        Text(finding, "dashboardUrl").ShouldMatch($"^http://127.0.0.1:7/w/ws_[0-9a-z]{{26}}/apps/{_app}/messages/{message}$");
    }

    [Fact]
    public async Task The_receiver_answered_500_eight_times()
    {
        _receiver.RespondPerPath("/hook", 500);
        await Endpoint();
        var message = await Send();
        await Until("failed", message);

        var attempts = await _server.Attempts(_app, message);
        var (answer, findings) = await Explain($"type={Type}");

        answer.ShouldBe($"{Who} did not get the last {Type}, {message} of {Noon}: {Url} answered 500 eight times, the last time at {Shown(attempts[^1], "startedAt")}, and its attempts are used up.");
        Kinds(findings).ShouldBe(["failed"]);
        Text(findings[0], "attemptId").ShouldBe(Text(attempts[^1], "attemptId"));
    }

    [Fact]
    public async Task Waiting_for_a_retry_after_two_kinds_of_failures()
    {
        _receiver.RespondPerPath("/hook", 503, 503, 500);
        await Endpoint(new { retryMaxAttempts = 5 });
        var message = await Send();
        await UntilAttempts(message, 3);

        var (answer, findings) = await Explain($"messageId={message}");

        var next = (await _server.Message(_app, message)).GetProperty("deliveries")[0];
        answer.ShouldBe(
            $"{Who} has not got message {message} ({Type}) of {Noon} yet: {Url} answered 503 twice and answered 500 once, the last time at {Shown((await _server.Attempts(_app, message))[^1], "startedAt")}, "
            + $"and it is tried again at {Shown(next, "nextAttemptAt")}.");
        Kinds(findings).ShouldBe(["waiting_for_retry"]);
    }

    [Fact]
    public async Task No_message_sent()
    {
        await Endpoint();
        (await Explain($"type={Type}")).Answer.ShouldBe($"No {Type} was sent to {Who}.");
        (await Explain("")).Answer.ShouldBe($"No message was sent to {Who}.");
        (await Explain("", "stranger")).Answer.ShouldBe("No message was sent to stranger, and no recipient stranger is known in this app.");
        (await Explain("type=invoice.piad")).Answer.ShouldBe($"No invoice.piad was sent to {Who}, and the event type invoice.piad is not published in this app.");
        Kinds((await Explain("type=invoice.piad", "stranger")).Findings).ShouldBe(["no_message", "event_type_not_published", "recipient_unknown"]);
        await Send("succeeded");
        _clock.Advance(TimeSpan.FromHours(1));
        (await Explain($"type={Type}&since=2026-03-01T13:00:00Z")).Answer.ShouldBe($"No {Type} was sent to {Who} since 2026-03-01 13:00:00 UTC.");
        (await Explain("messageId=msg_never")).Answer.ShouldBe($"{Who} did not get message msg_never: none by that id is kept in this app, so it was never accepted here, or is older than what is kept.");
    }

    [Fact]
    public async Task No_endpoint_then_and_one_later()
    {
        var message = await Send("skipped");
        (await Explain($"type={Type}")).Answer.ShouldBe($"{Who} did not get the last {Type}, {message} of {Noon}: {Who} had no endpoint at {Noon}.");
        _clock.Advance(TimeSpan.FromMinutes(5));
        await Endpoint();
        var (answer, findings) = await Explain($"type={Type}");
        answer.ShouldBe($"{Who} did not get the last {Type}, {message} of {Noon}: {Who} had no endpoint at {Noon}; {Url} was added at 2026-03-01 12:05:00 UTC.");
        Kinds(findings).ShouldBe(["no_endpoint"]);
    }

    [Fact]
    public async Task Not_subscribed_then_though_it_is_now()
    {
        var endpoint = await Endpoint(new { eventTypes = new[] { "invoice.sent", "customer.*" } });
        var message = await Send("skipped");
        _clock.Advance(TimeSpan.FromMinutes(5));
        (await _server.Patch($"/api/v1/apps/{_app}/endpoints/{endpoint}", new { eventTypes = (string[]?)null })).Expect(200);

        var (answer, findings) = await Explain($"type={Type}");

        answer.ShouldBe($"{Who} did not get the last {Type}, {message} of {Noon}: {Url} was not subscribed to {Type}: it took only invoice.sent and customer.* (it is subscribed now).");
        Kinds(findings).ShouldBe(["not_subscribed"]);
    }

    [Fact]
    public async Task Filtered_out_by_the_filter_of_then()
    {
        var endpoint = await Endpoint(new { filter = new object[] { new { bodyPath = "amount", @in = new[] { 2, 3 } }, new { bodyPath = "plan", exists = true } } });
        var message = await Send("skipped");
        _clock.Advance(TimeSpan.FromMinutes(5));
        (await _server.Patch($"/api/v1/apps/{_app}/endpoints/{endpoint}", new { filter = new[] { new { bodyPath = "other", equals = "x" } } })).Expect(200);

        var (answer, findings) = await Explain($"type={Type}");

        answer.ShouldBe($"{Who} did not get the last {Type}, {message} of {Noon}: the filter of {Url} did not let it through: amount must be one of 2, 3 and plan must exist.");
        Kinds(findings).ShouldBe(["filtered_out"]);
    }

    [Fact]
    public async Task Disabled_on_a_day_because_the_receiver_said_so_and_enabled_since()
    {
        _receiver.RespondPerPath("/hook", 410);
        var endpoint = await Endpoint();
        var first = await Send("canceled");
        _clock.Advance(TimeSpan.FromHours(1));
        var second = await Send("skipped");
        _clock.Advance(TimeSpan.FromHours(1));
        (await _server.Patch($"/api/v1/apps/{_app}/endpoints/{endpoint}", new { enabled = true })).Expect(200);

        var (answer, findings) = await Explain($"type={Type}");

        answer.ShouldBe($"{Who} did not get the last {Type}, {second} of 2026-03-01 13:00:00 UTC: {Url} was disabled at {Noon} because the receiver answered 410 Gone, until 2026-03-01 14:00:00 UTC.");
        Kinds(findings).ShouldBe(["endpoint_disabled", "endpoint_disabled"]);
        (await Explain($"messageId={first}")).Answer.ShouldBe(
            $"{Who} did not get message {first} ({Type}) of {Noon}: {Url} was disabled at {Noon} because the receiver answered 410 Gone, which ended the delivery of it.");
    }

    [Fact]
    public async Task Disabled_through_the_API_while_it_waited()
    {
        _receiver.RespondPerPath("/hook", 500);
        var endpoint = await Endpoint();
        var message = await Send();
        await UntilAttempts(message, 1);
        _clock.Advance(TimeSpan.FromSeconds(2));
        (await _server.Patch($"/api/v1/apps/{_app}/endpoints/{endpoint}", new { enabled = false })).Expect(200);

        (await Explain($"type={Type}")).Answer.ShouldBe(
            $"{Who} did not get the last {Type}, {message} of {Noon}: {Url} was disabled at 2026-03-01 12:00:02 UTC through the API, which ended the delivery of it, after the receiver answered 500 once.");
    }

    [Fact]
    public async Task Paused_and_held()
    {
        var endpoint = await Endpoint();
        (await _server.Patch($"/api/v1/apps/{_app}/endpoints/{endpoint}", new { paused = true })).Expect(200);
        _clock.Advance(TimeSpan.FromMinutes(1));
        var message = await Send("pending");

        var (answer, findings) = await Explain($"type={Type}");

        answer.ShouldBe($"{Who} has not got the last {Type}, {message} of 2026-03-01 12:01:00 UTC yet: {Url} is paused since {Noon}, and it is held until it is resumed.");
        Kinds(findings).ShouldBe(["paused"]);
    }

    [Fact]
    public async Task Scheduled_canceled_erased_deleted_and_archived()
    {
        var endpoint = await Endpoint();
        async Task<string> SendLater() => (await _server.Post($"/api/v1/apps/{_app}/messages", new { recipient = Who, type = Type, deliverAt = "2026-03-01T18:00:00Z" })).Expect(202).Text("messageId");
        var (scheduled, canceled, erased, deleted) = (await SendLater(), await SendLater(), await SendLater(), await SendLater());
        (await Explain($"messageId={scheduled}")).Answer.ShouldBe($"{Who} has not got message {scheduled} ({Type}) of {Noon} yet: it is to be delivered to {Url} at 2026-03-01 18:00:00 UTC.");

        _clock.Advance(TimeSpan.FromMinutes(1));
        (await _server.Post($"/api/v1/apps/{_app}/messages/{canceled}/cancel")).Expect(200);
        (await Explain($"messageId={canceled}")).Answer.ShouldBe($"{Who} did not get message {canceled} ({Type}) of {Noon}: it was canceled at 2026-03-01 12:01:00 UTC, before it reached {Url}.");

        (await _server.Delete($"/api/v1/apps/{_app}/messages/{erased}/payload")).Expect(200);
        (await Explain($"messageId={erased}")).Answer.ShouldBe($"{Who} did not get message {erased} ({Type}) of {Noon}: the data of it was erased at 2026-03-01 12:01:00 UTC, before it reached {Url}.");

        _clock.Advance(TimeSpan.FromMinutes(1));
        (await _server.Delete($"/api/v1/apps/{_app}/endpoints/{endpoint}")).Expect(200);
        var gone = await Explain($"messageId={deleted}");
        gone.Answer.ShouldBe($"{Who} did not get message {deleted} ({Type}) of {Noon}: the endpoint {Url} was deleted at 2026-03-01 12:02:00 UTC, which ended the delivery of it.");
        Kinds(gone.Findings).ShouldBe(["endpoint_deleted"]);

        (await Explain("type=invoice.sent")).Answer.ShouldBe(
            $"No invoice.sent was sent to {Who}, and {Who} has no endpoint; its last one, {Url}, was deleted at 2026-03-01 12:02:00 UTC.");
        (await _server.Delete($"/api/v1/apps/{_app}")).Expect(200);
        (await Explain("type=invoice.sent")).Answer.ShouldContain("the app was archived at 2026-03-01 12:02:00 UTC");
    }

    [Fact]
    public async Task Erased_after_it_was_delivered()
    {
        await Endpoint();
        var message = await Send("succeeded");
        (await _server.Delete($"/api/v1/apps/{_app}/messages/{message}/payload")).Expect(200);
        var (answer, findings) = await Explain($"type={Type}");
        answer.ShouldBe($"{Who} got the last {Type}, {message} of {Noon}: it was delivered to {Url} at {Noon} with 200.");
        Kinds(findings).ShouldBe(["delivered", "payload_erased"]);
    }

    [Fact]
    public async Task Refused_with_400()
    {
        await Endpoint();
        var message = await Send("succeeded");
        _clock.Advance(TimeSpan.FromHours(1));
        (await _server.Post($"/api/v1/apps/{_app}/messages", new { recipient = Who, type = "invoice.voided", messageId = "own-7" })).Expect(400);
        const string Why = "the send of invoice.voided with the messageId own-7 was refused with 400 event_type_not_published at 2026-03-01 13:00:00 UTC (The event type invoice.voided is not published in this app)";

        var (answer, findings) = await Explain("type=invoice.voided");
        answer.ShouldBe($"{Who} did not get invoice.voided: {Why}, and none was accepted.");
        Kinds(findings).ShouldBe(["send_refused", "event_type_not_published"]);
        Text(findings[0], "dashboardUrl").ShouldEndWith($"/apps/{_app}/recipients/{Who}");
        (await Explain("messageId=own-7")).Answer.ShouldBe($"{Who} did not get message own-7: {Why}.");

        (await Explain("")).Answer.ShouldBe($"{Who} did not get the last message: {Why}; the last that was accepted, {message} ({Type}) of {Noon}, arrived.");
        (await Explain("", "customer_456")).Answer.ShouldBe("No message was sent to customer_456, and no recipient customer_456 is known in this app.");
    }

    [Fact]
    public async Task Sent_to_another_recipient()
    {
        var message = (await _server.Post($"/api/v1/apps/{_app}/messages", new { recipient = "customer_999", type = Type })).Expect(202).Text("messageId");
        var (answer, findings) = await Explain($"messageId={message}");
        answer.ShouldBe($"{Who} did not get message {message} ({Type}) of {Noon}: it was sent to customer_999, not to {Who}.");
        Kinds(findings).ShouldBe(["other_recipient"]);
    }

    [Fact]
    public async Task Delivered_at_one_endpoint_and_refused_at_another_in_the_words_of_both()
    {
        _receiver.RespondPerPath("/dead", 404);
        await Endpoint();
        var dead = await _server.CreateEndpoint(_app, new Uri(_receiver.UrlFor("/dead?token=s3cret").AbsoluteUri), new { retryMaxAttempts = 1 }, Who);
        await _server.CreateEndpoint(_app, _receiver.UrlFor("/other"), new { eventTypes = new[] { "invoice.sent" } }, Who);
        var message = await Send("failed");

        var (answer, findings) = await Explain($"type={Type}");

        answer.ShouldBe(
            $"{Who} got the last {Type}, {message} of {Noon} at one endpoint of two: {_receiver.UrlFor("/dead").AbsoluteUri} answered 404 once at {Noon}, and its attempts are used up; "
            + $"it was delivered to {Url} at {Noon} with 200.");
        Kinds(findings).ShouldBe(["failed", "delivered", "not_subscribed"]);
        Text(findings[0], "endpointId").ShouldBe(dead);
        JsonSerializer.Serialize(findings).ShouldNotContain("s3cret");
    }

    [Fact]
    public async Task One_that_did_not_arrive_is_found_behind_many_that_did()
    {
        await Endpoint(new { filter = new[] { new { bodyPath = "amount", equals = 1 } } });
        var lost = await _server.Send(_app, new { amount = 2 }, Who);
        _clock.Advance(TimeSpan.FromMinutes(1));
        for (var i = 0; i < 30; i++)
        {
            await _server.Send(_app, recipient: Who);
        }
        var last = await Send("succeeded");

        var (answer, findings) = await Explain($"type={Type}");

        answer.ShouldBe($"{Who} got the last {Type}, but did not get message {lost} of {Noon}: the filter of {Url} did not let it through: amount must equal 1.");
        findings.Length.ShouldBeLessThan(12);
        Text(findings[0], "messageId").ShouldBe(last);
        Text(findings[^1], "messageId").ShouldBe(lost);
    }

    [Fact]
    public async Task An_address_that_may_not_be_called()
    {
        await using var server = await TestServer.Start(new() { ["Hookway:PublicUrl"] = "https://hooks.example.com" }, _clock);
        var app = await server.CreateApp();
        var endpoint = (await server.Post($"/api/v1/apps/{app}/endpoints", new { recipient = Who, url = "https://hooks.invalid/x", retryMaxAttempts = 1 })).Expect(201).Text("endpointId");
        // As it would be had the operator allowed more when the endpoint was made.
        await server.Services.GetRequiredService<Database>().Write(session =>
            session.Connection.ExecuteAsync("UPDATE endpoints SET url = 'http://10.0.0.7/x' WHERE id = @endpoint", new { endpoint }));
        await server.Restart();
        var message = await server.Send(app, recipient: Who);
        await server.WaitForMessage(app, message, "failed");

        var answer = (await server.Get($"/api/v1/apps/{app}/recipients/{Who}/explain?type={Type}")).Expect(200);

        answer.Text("answer").ShouldBe(
            $"{Who} did not get the last {Type}, {message} of {Noon}: http://10.0.0.7/x was at an address that this server is not allowed to call once at {Noon}, and its attempts are used up.");
        Text(answer.Body.GetProperty("findings")[0], "kind").ShouldBe("refused_address");
        Text(answer.Body.GetProperty("findings")[0], "dashboardUrl").ShouldStartWith("https://hooks.example.com/w/ws_");
    }

    [Fact]
    public async Task Who_may_ask_and_what()
    {
        var path = $"/api/v1/apps/{_app}/recipients/{Who}/explain";
        (await _server.Get($"{path}?since=yesterday")).ExpectInvalid("since");
        (await _server.Get($"{path}?until=2026-03-01T12:00:00Z")).ExpectInvalid("until");
        (await _server.Get(path, await _server.CreateKey([Scopes.RecipientRead]))).Expect(403);
        (await _server.Get(path, await _server.CreateKey([Scopes.MessageRead]))).Expect(200);
        (await _server.Get(path, await _server.CreateWorkspace())).Expect(404);
        (await _server.Get(path, key: null)).Expect(401);
    }

    [Fact]
    public async Task The_recipients_own_portal_is_told_of_itself_alone_and_of_no_page_that_it_cannot_open()
    {
        await Endpoint();
        var message = await Send("succeeded");
        var others = (await _server.Post($"/api/v1/apps/{_app}/messages", new { recipient = "customer_999", type = Type })).Expect(202).Text("messageId");
        var session = (await _server.Post($"/api/v1/apps/{_app}/portal-sessions", new { recipient = Who, capabilities = new[] { Capabilities.MessagesRead } })).Expect(201);
        var token = session.Text("url").Split('/').First(part => part.StartsWith("hwp_", StringComparison.Ordinal));
        var path = $"/api/v1/apps/{_app}/recipients";

        var told = (await _server.Get($"{path}/{Who}/explain?type={Type}", token)).Expect(200);
        told.Text("answer").ShouldContain(message);
        told.Body.GetProperty("findings")[0].GetProperty("dashboardUrl").ValueKind.ShouldBe(JsonValueKind.Null);
        (await _server.Get($"{path}/{Who}/explain?messageId={others}", token)).Expect(200).Text("answer").ShouldNotContain("customer_999");
        (await _server.Get($"{path}/customer_999/explain", token)).Expect(404);
    }

    private Task<string> Endpoint(object? more = null) => _server.CreateEndpoint(_app, _receiver.Url, more, Who);

    private async Task<string> Send(string? status = null)
    {
        var message = await _server.Send(_app, recipient: Who);
        if (status is not null)
        {
            await _server.WaitForMessage(_app, message, status);
        }
        return message;
    }

    /// <summary>Moves the clock to each next attempt until the message is as wanted.</summary>
    private Task<JsonElement> Until(string status, string message) => _server.WaitForMessage(_app, message, found => MovedOn(found, delivery => Text(delivery, "status") == status));

    private Task<JsonElement> UntilAttempts(string message, int count) => _server.WaitForMessage(_app, message, found => MovedOn(found, delivery => delivery.GetProperty("attemptCount").GetInt32() >= count));

    private bool MovedOn(JsonElement message, Func<JsonElement, bool> isDone)
    {
        var delivery = message.GetProperty("deliveries")[0];
        if (isDone(delivery))
        {
            return true;
        }
        if (delivery.GetProperty("nextAttemptAt").ValueKind is JsonValueKind.String && delivery.GetProperty("nextAttemptAt").GetDateTimeOffset() is var next && next > _clock.GetUtcNow())
        {
            // The engine knows it to less than a millisecond.
            _clock.SetUtcNow(next.AddSeconds(1));
        }
        return false;
    }

    private async Task<(string Answer, JsonElement[] Findings)> Explain(string query, string recipient = Who)
    {
        var answer = (await _server.Get($"/api/v1/apps/{_app}/recipients/{recipient}/explain?{query}")).Expect(200);
        return (answer.Text("answer"), [.. answer.Body.GetProperty("findings").EnumerateArray()]);
    }

    private static IEnumerable<string> Kinds(JsonElement[] findings) => findings.Select(finding => Text(finding, "kind"));

    private static string Text(JsonElement item, string name) => item.GetProperty(name).GetString()!;

    private static string Shown(JsonElement item, string name) => item.GetProperty(name).GetDateTimeOffset().UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", System.Globalization.CultureInfo.InvariantCulture);
}
