using System.Text.Json;
using Hookway.Access;
using Hookway.Tests.Support;

namespace Hookway.Tests.Dispatch.Messages;

public class EndpointReplayTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string LongAgo = "2020-01-01T00:00:00.000Z";

    private TestServer Server => fixture.Server;

    [Fact]
    public async Task What_failed_and_what_was_canceled_with_the_endpoint_is_delivered_again_and_nothing_else()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(200, 500, 200);
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, receiver.Url, new { retryMaxAttempts = 1, ordered = true });
        var good = await Server.Send(app);
        await Server.WaitForMessage(app, good, "succeeded");
        var failed = await Server.Send(app);
        await Server.WaitForMessage(app, failed, "failed");
        await Patch(app, endpoint, new { paused = true });
        var takenBack = await Server.Send(app);
        (await Server.Post($"/api/v1/apps/{app}/messages/{takenBack}/cancel")).Expect(200);
        var cutOff = await Server.Send(app);
        await Patch(app, endpoint, new { enabled = false });
        await Patch(app, endpoint, new { enabled = true, paused = false });

        var replay = await Replay(app, endpoint, new { since = LongAgo });

        replay.Text("replayId").ShouldStartWith("rpl_");
        replay.Text("kind").ShouldBe("endpoint");
        replay.Body.GetProperty("filter").GetProperty("endpointId").GetString().ShouldBe(endpoint);
        replay.Body.GetProperty("filter").GetProperty("status").GetString().ShouldBe("failed");
        Counts(await Ended(replay, "completed")).ShouldBe("2 matched, 2 queued, 0 skipped, 2 succeeded, 0 failed, 0 canceled");
        (await receiver.WaitFor(4)).Skip(2).Select(request => request.Headers["webhook-id"]).ShouldBe([failed, cutOff]);
        (await Server.Attempts(app, cutOff)).ShouldHaveSingleItem().GetProperty("trigger").GetString().ShouldBe("replay");
        (await Server.Message(app, takenBack)).GetProperty("status").GetString().ShouldBe("canceled");
        Counts(await Ended(await Replay(app, endpoint, new { since = LongAgo, status = "failed" }), "completed"))
            .ShouldBe("0 matched, 0 queued, 0 skipped, 0 succeeded, 0 failed, 0 canceled");
    }

    [Fact]
    public async Task What_is_missing_is_what_would_be_sent_now_and_was_not()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp("invoice.paid", "invoice.sent", "order.made");
        var early = await Server.Send(app, new { amount = 5 });
        await Server.Send(app, new { amount = 5 }, recipient: "customer_2");
        await Server.Send(app, new { amount = 0 });
        var sent = await Server.Send(app, new { amount = 7 }, type: "invoice.sent");
        await Server.Send(app, new { amount = 5 }, type: "order.made");
        var other = await Server.CreateEndpoint(app, receiver.UrlFor("/other"));
        (await Server.Post($"/api/v1/apps/{app}/endpoints/{other}/test", new { type = "invoice.paid" })).Expect(202);
        var endpoint = await Server.CreateEndpoint(app, receiver.Url, new { eventTypes = new[] { "invoice.*" }, filter = new[] { new { bodyPath = "amount", @in = new[] { 5, 7 } } } });
        var there = await Server.Send(app, new { amount = 5 });
        await Server.WaitForMessage(app, there, "succeeded");
        await Patch(app, endpoint, new { enabled = false });
        var meanwhile = await Server.Send(app, new { amount = 5 });
        await Patch(app, endpoint, new { enabled = true });
        var later = await Scheduled(app, DateTimeOffset.UtcNow.AddDays(2));
        receiver.Respond((_, _) => Task.CompletedTask);

        Counts(await Ended(await Replay(app, endpoint, new { since = LongAgo, status = "missing", types = new[] { "invoice.sent" } }), "completed"))
            .ShouldBe("1 matched, 1 queued, 0 skipped, 1 succeeded, 0 failed, 0 canceled");
        Counts(await Ended(await Replay(app, endpoint, new { since = LongAgo, status = "missing" }), "completed"))
            .ShouldBe("2 matched, 2 queued, 0 skipped, 2 succeeded, 0 failed, 0 canceled");

        receiver.Requests.Where(request => request.Path == "/hook").Select(request => request.Headers["webhook-id"]).ShouldBe([there, sent, early, meanwhile], ignoreOrder: true);
        (await Server.Message(app, later)).GetProperty("deliveries").EnumerateArray().Select(delivery => delivery.GetProperty("status").GetString()).ShouldAllBe(status => status == "pending");
    }

    [Fact]
    public async Task All_is_also_what_succeeded_and_what_is_pending_but_not_what_its_time_has_not_come_for()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(200, 500, 200);
        var app = await Server.CreateApp();
        var missing = await Server.Send(app);
        var endpoint = await Server.CreateEndpoint(app, receiver.Url, new { retryBackoffSeconds = 3600 });
        var good = await Server.Send(app);
        await Server.WaitForMessage(app, good, "succeeded");
        var retrying = await Server.Send(app);
        await Server.WaitForMessage(app, retrying, found => found.GetProperty("deliveries")[0].GetProperty("attemptCount").GetInt32() == 1);
        var later = await Scheduled(app, DateTimeOffset.UtcNow.AddHours(1));

        Counts(await Ended(await Replay(app, endpoint, new { since = LongAgo, status = "all" }), "completed"))
            .ShouldBe("3 matched, 3 queued, 0 skipped, 3 succeeded, 0 failed, 0 canceled");

        (await receiver.WaitFor(5)).Skip(2).Select(request => request.Headers["webhook-id"]).ShouldBe([missing, good, retrying], ignoreOrder: true);
        (await Server.Attempts(app, retrying)).Select(attempt => attempt.GetProperty("trigger").GetString()).ShouldBe(["automatic", "automatic"]);
        (await Server.Message(app, later)).GetProperty("deliveries")[0].GetProperty("attemptCount").GetInt32().ShouldBe(0);
    }

    [Fact]
    public async Task Times_and_types_limit_it_and_what_has_no_data_left_is_skipped()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp("invoice.paid", "order.made");
        var before = await Server.Send(app);
        await Task.Delay(5, TestContext.Current.CancellationToken);
        var erased = await Server.Send(app);
        var paid = await Server.Send(app);
        var made = await Server.Send(app, type: "order.made");
        await Task.Delay(5, TestContext.Current.CancellationToken);
        var after = await Server.Send(app);
        (await Server.Delete($"/api/v1/apps/{app}/messages/{erased}/payload")).Expect(200);
        var endpoint = await Server.CreateEndpoint(app, receiver.Url);
        var (since, until) = (await CreatedAt(app, erased), await CreatedAt(app, after));

        Counts(await Ended(await Replay(app, endpoint, new { since, until, status = "missing", types = new[] { "invoice.*" } }), "completed"))
            .ShouldBe("2 matched, 1 queued, 1 skipped, 1 succeeded, 0 failed, 0 canceled");
        receiver.Requests.Select(request => request.Headers["webhook-id"]).ShouldBe([paid]);

        Counts(await Ended(await Replay(app, endpoint, new { since, status = "missing", types = Array.Empty<string>() }), "completed"))
            .ShouldBe("3 matched, 2 queued, 1 skipped, 2 succeeded, 0 failed, 0 canceled");
        receiver.Requests.Skip(1).Select(request => request.Headers["webhook-id"]).ShouldBe([made, after], ignoreOrder: true);
        (await Server.Message(app, before)).GetProperty("status").GetString().ShouldBe("skipped");
    }

    [Fact]
    public async Task A_paused_endpoint_holds_the_replay_and_an_ordered_one_puts_it_at_the_tail_in_the_order_of_acceptance()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        var missed = await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
        {
            await Task.Delay(i * 2);
            return await Server.Send(app);
        }));
        var inOrder = (await Server.Get($"/api/v1/apps/{app}/messages")).Items.Select(message => message.GetProperty("messageId").GetString()!).Reverse().ToList();
        inOrder.ShouldBe(missed, ignoreOrder: true);
        var endpoint = await Server.CreateEndpoint(app, receiver.Url, new { ordered = true });
        await Patch(app, endpoint, new { paused = true });
        var first = await Server.Send(app);
        var replay = await Replay(app, endpoint, new { since = LongAgo, status = "missing" });
        await TestServer.Until(async () => !(await State(replay)).GetProperty("searching").GetBoolean());

        Counts(await State(replay)).ShouldBe("20 matched, 20 queued, 0 skipped, 0 succeeded, 0 failed, 0 canceled");
        (await State(replay)).GetProperty("status").GetString().ShouldBe("running");
        (await Server.Message(app, missed[0])).GetProperty("deliveries")[0].GetProperty("status").GetString().ShouldBe("held");
        var last = await Server.Send(app);
        receiver.Count.ShouldBe(0);
        await Patch(app, endpoint, new { paused = false });

        await Ended(replay, "completed");
        (await receiver.WaitFor(22)).Select(request => request.Headers["webhook-id"]).ShouldBe([first, .. inOrder, last]);
    }

    [Fact]
    public async Task Canceling_ends_what_it_queued_releases_what_was_pending_before_and_takes_nothing_from_the_next_replay()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(200, 500, 200);
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, receiver.Url, new { retryBackoffSeconds = 3600 });
        var good = await Server.Send(app);
        await Server.WaitForMessage(app, good, "succeeded");
        var retrying = await Server.Send(app);
        await Server.WaitForMessage(app, retrying, found => found.GetProperty("deliveries")[0].GetProperty("attemptCount").GetInt32() == 1);
        await Patch(app, endpoint, new { enabled = false });
        await SendMany(app, 700);
        await Patch(app, endpoint, new { enabled = true, paused = true });
        var retried = await Replay(app, endpoint, new { since = LongAgo, status = "failed" });
        await TestServer.Until(async () => !(await State(retried)).GetProperty("searching").GetBoolean());
        var all = await Replay(app, endpoint, new { since = LongAgo, status = "all" });
        await TestServer.Until(async () => !(await State(all)).GetProperty("searching").GetBoolean());
        Counts(await State(all)).ShouldBe("702 matched, 702 queued, 0 skipped, 0 succeeded, 0 failed, 0 canceled");
        Counts(await Ended(retried, "completed")).ShouldBe("1 matched, 1 queued, 0 skipped, 0 succeeded, 0 failed, 1 canceled");

        var canceled = (await Server.Post($"/api/v1/replays/{all.Text("replayId")}/cancel")).Expect(200);

        canceled.Text("status").ShouldBe("canceled");
        Counts(await Ended(all, "canceled")).ShouldBe("702 matched, 702 queued, 0 skipped, 0 succeeded, 0 failed, 702 canceled");
        var delivery = (await Server.Message(app, good)).GetProperty("deliveries")[0];
        (delivery.GetProperty("status").GetString(), delivery.GetProperty("reason").GetString()).ShouldBe(("canceled", "replay_canceled"));
        (await Server.Post($"/api/v1/replays/{all.Text("replayId")}/cancel")).Expect(200).Text("finishedAt").ShouldBe((await State(all)).GetProperty("finishedAt").GetString());
        await Patch(app, endpoint, new { paused = false });
        // All but the one that had succeeded before.
        Counts(await Ended(await Replay(app, endpoint, new { since = LongAgo }), "completed"))
            .ShouldBe("701 matched, 701 queued, 0 skipped, 701 succeeded, 0 failed, 0 canceled");
        receiver.Count.ShouldBe(703);
    }

    [Fact]
    public async Task A_pending_delivery_goes_on_when_the_replay_that_hastened_it_is_canceled()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, receiver.Url);
        await Patch(app, endpoint, new { paused = true });
        var message = await Server.Send(app);
        var replay = await Replay(app, endpoint, new { since = LongAgo, status = "all" });
        await TestServer.Until(async () => !(await State(replay)).GetProperty("searching").GetBoolean());

        (await Server.Post($"/api/v1/replays/{replay.Text("replayId")}/cancel")).Expect(200);

        Counts(await Ended(replay, "canceled")).ShouldBe("1 matched, 1 queued, 0 skipped, 0 succeeded, 0 failed, 1 canceled");
        await Patch(app, endpoint, new { paused = false });
        await Server.WaitForMessage(app, message, "succeeded");
        receiver.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_replay_queues_no_more_than_the_endpoint_takes_and_fails_when_the_endpoint_is_disabled()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        await SendMany(app, 3_000);
        var endpoint = await Server.CreateEndpoint(app, receiver.Url, new { rateLimitPerMinute = 1 });
        var replay = await Replay(app, endpoint, new { since = LongAgo, status = "missing" });
        await TestServer.Until(async () => (await State(replay)).GetProperty("queued").GetInt32() >= 2_000);
        await Task.Delay(500, TestContext.Current.CancellationToken);
        var full = await State(replay);
        full.GetProperty("queued").GetInt32().ShouldBeLessThan(2_500);
        full.GetProperty("searching").GetBoolean().ShouldBeTrue();

        await Patch(app, endpoint, new { enabled = false });

        var ended = await Ended(replay, "failed");
        ended.GetProperty("reason").GetString().ShouldBe("endpoint_disabled");
        var queued = ended.GetProperty("queued").GetInt32();
        (ended.GetProperty("succeeded").GetInt32() + ended.GetProperty("canceled").GetInt32()).ShouldBe(queued);
        await Patch(app, endpoint, new { enabled = true, rateLimitPerMinute = (int?)null });
        Counts(await Ended(await Replay(app, endpoint, new { since = LongAgo, status = "missing" }), "completed"))
            .ShouldBe($"{3_000 - queued} matched, {3_000 - queued} queued, 0 skipped, {3_000 - queued} succeeded, 0 failed, 0 canceled");
    }

    [Fact]
    public async Task A_replay_goes_on_after_a_restart_where_it_stood()
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        var app = await server.CreateApp();
        await SendMany(server, app, 1_500);
        var endpoint = await server.CreateEndpoint(app, receiver.Url);
        var path = $"/api/v1/apps/{app}/endpoints/{endpoint}/replay";
        var replay = (await server.Post(path, new { since = LongAgo, status = "missing" })).Expect(202).Text("replayId");
        for (var i = 0; i < 3; i++)
        {
            await receiver.WaitFor(i * 300);
            await server.Restart(impatient: true);
        }
        JsonElement state = default;
        await TestServer.Until(async () => (state = (await server.Get($"/api/v1/replays/{replay}")).Body).GetProperty("status").GetString() == "completed");

        Counts(state).ShouldBe("1500 matched, 1500 queued, 0 skipped, 1500 succeeded, 0 failed, 0 canceled");
        receiver.Requests.Select(request => request.Headers["webhook-id"]).Distinct().Count().ShouldBe(1_500);
    }

    [Fact]
    public async Task What_cannot_be_replayed_is_refused_by_name()
    {
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.Url);
        var path = $"/api/v1/apps/{app}/endpoints/{endpoint}";

        (await Server.Post($"{path}/replay", new { status = "failed" })).ExpectInvalid("since");
        (await Server.Post($"{path}/replay", new { since = "yesterday" })).ExpectInvalid("since");
        (await Server.Post($"{path}/replay", new { since = LongAgo, until = LongAgo })).ExpectInvalid("until");
        (await Server.Post($"{path}/replay", new { since = LongAgo, status = "pending" })).ExpectInvalid("status");
        (await Server.Post($"{path}/replay", new { since = LongAgo, types = new[] { "invoice.paid", "*" } })).ExpectInvalid("types[1]");
        (await Server.Post($"{path}/replay", new { since = LongAgo, type = "invoice.paid" })).ExpectInvalid("type");
        (await Server.Post($"/api/v1/apps/{app}/endpoints/ep_00000000000000000000000000/replay", new { since = LongAgo })).Expect(404);
        (await Server.Post($"{path}/replay", new { since = LongAgo }, await Server.CreateWorkspace("replays"))).Expect(404);
        (await Server.Post($"{path}/replay", new { since = LongAgo }, await Server.CreateKey([Scopes.EndpointWrite, Scopes.MessageRead]))).Expect(403);
        await Patch(app, endpoint, new { enabled = false });
        (await Server.Post($"{path}/replay", new { since = LongAgo })).ExpectCode(400, "endpoint_disabled");
        (await Server.Delete(path)).Expect(200);
        (await Server.Post($"{path}/replay", new { since = LongAgo })).Expect(404);
        (await Server.Get($"/api/v1/replays?endpointId={endpoint}")).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task Replays_are_listed_by_what_they_are_for()
    {
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.Url);
        var other = await Server.CreateEndpoint(app, fixture.Receiver.Url);
        var message = await Server.Send(app);
        await Server.WaitForMessage(app, message, "succeeded");
        var one = (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay", new { endpointId = endpoint })).Expect(202).Text("replayId");
        var two = (await Replay(app, endpoint, new { since = LongAgo })).Text("replayId");
        var three = (await Replay(app, other, new { since = LongAgo })).Text("replayId");
        await Server.WaitForMessage(app, message, "succeeded");
        foreach (var id in new[] { one, two, three })
        {
            await TestServer.Until(async () => (await Server.Get($"/api/v1/replays/{id}")).Text("status") == "completed");
        }
        async Task<IEnumerable<string?>> Listed(string query) =>
            (await Server.Get($"/api/v1/replays?{query}")).Expect(200).Items.Select(replay => replay.GetProperty("replayId").GetString());

        (await Listed($"appId={app}")).ShouldBe([three, two, one]);
        (await Listed($"endpointId={endpoint}")).ShouldBe([two, one]);
        (await Listed($"appId={app}&kind=message")).ShouldBe([one]);
        (await Listed($"appId={app}&status=completed&kind=endpoint")).ShouldBe([three, two]);
        (await Listed($"appId={app}&status=running")).ShouldBeEmpty();
        (await Listed($"appId={app}&until={LongAgo}")).ShouldBeEmpty();
        (await Listed($"appId={app}&since={LongAgo}&limit=2")).ShouldBe([three, two]);
        (await Server.Get("/api/v1/replays?status=held")).ExpectInvalid("status");
        (await Server.Get("/api/v1/replays?kind=held")).ExpectInvalid("kind");
        var stranger = await Server.CreateWorkspace("replays-list");
        (await Server.Get("/api/v1/replays", stranger)).Items.ShouldBeEmpty();
        (await Server.Get($"/api/v1/replays/{two}", stranger)).Expect(404);
        (await Server.Post($"/api/v1/replays/{two}/cancel", null, stranger)).Expect(404);
        (await Server.Post($"/api/v1/replays/{two}/cancel", null, await Server.CreateKey([Scopes.MessageRead]))).Expect(403);
        (await Server.Post($"/api/v1/replays/{two}/cancel")).Expect(200).Text("status").ShouldBe("completed");
    }

    private async Task<Answer> Replay(string app, string endpoint, object body) => (await Server.Post($"/api/v1/apps/{app}/endpoints/{endpoint}/replay", body)).Expect(202);

    private async Task<JsonElement> State(Answer replay) => (await Server.Get($"/api/v1/replays/{replay.Text("replayId")}")).Expect(200).Body;

    private async Task<JsonElement> Ended(Answer replay, string status)
    {
        JsonElement state = default;
        await TestServer.Until(
            async () => (state = await State(replay)).GetProperty("status").GetString() == status && state.GetProperty("finishedAt").ValueKind == JsonValueKind.String,
            () => state.ToString());
        return state;
    }

    private static string Counts(JsonElement replay) =>
        string.Join(", ", new[] { "matched", "queued", "skipped", "succeeded", "failed", "canceled" }.Select(name => $"{replay.GetProperty(name)} {name}"));

    private async Task Patch(string app, string endpoint, object change) => (await Server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", change)).Expect(200);

    private Task SendMany(string app, int count) => SendMany(Server, app, count);

    private static async Task SendMany(TestServer server, string app, int count)
    {
        foreach (var some in Enumerable.Range(0, count).Chunk(1_000))
        {
            (await server.Post($"/api/v1/apps/{app}/messages/batch", new
            {
                messages = some.Select(i => new { recipient = "customer_1", type = "invoice.paid", data = new { i } }),
            })).Expect(202);
        }
    }

    private async Task<string> Scheduled(string app, DateTimeOffset at) =>
        (await Server.Post($"/api/v1/apps/{app}/messages", new { recipient = "customer_1", type = "invoice.paid", data = new { amount = 5 }, deliverAt = at })).Expect(202).Text("messageId");

    private async Task<string> CreatedAt(string app, string message) => (await Server.Message(app, message)).GetProperty("createdAt").GetString()!;
}
