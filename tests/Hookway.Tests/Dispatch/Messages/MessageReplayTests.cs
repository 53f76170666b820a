using System.Text.Json;
using Hookway.Tests.Support;

namespace Hookway.Tests.Dispatch.Messages;

public class MessageReplayTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task A_replay_delivers_again_under_the_same_id_and_counts_on()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, receiver.Url);
        var message = await Server.Send(app);
        await Server.WaitForMessage(app, message, "succeeded");

        var replay = (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay")).Expect(202);

        replay.Text("replayId").ShouldStartWith("rpl_");
        replay.Text("kind").ShouldBe("message");
        replay.Body.GetProperty("matched").GetInt32().ShouldBe(1);
        var requests = await receiver.WaitFor(2);
        requests[1].Headers["webhook-id"].ShouldBe(message);
        requests[1].Body.ShouldBe(requests[0].Body);
        await Server.WaitForMessage(app, message, "succeeded");
        var attempts = await Server.Attempts(app, message);
        attempts.Select(attempt => attempt.GetProperty("number").GetInt32()).ShouldBe([1, 2]);
        attempts.Select(attempt => attempt.GetProperty("trigger").GetString()).ShouldBe(["automatic", "replay"]);
        var done = await Finished(replay.Text("replayId"));
        done.GetProperty("succeeded").GetInt32().ShouldBe(1);
        done.GetProperty("failed").GetInt32().ShouldBe(0);
        done.GetProperty("finishedAt").ValueKind.ShouldBe(JsonValueKind.String);
        (await Server.Get("/api/v1/replays")).Items[0].GetProperty("replayId").ValueKind.ShouldBe(JsonValueKind.String);
    }

    [Fact]
    public async Task A_failed_delivery_gets_a_fresh_retry_budget_and_the_latest_run_decides()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500, 500, 500, 200);
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, receiver.Url, new { retryMaxAttempts = 2, retryBackoffSeconds = 1 });
        var message = await Server.Send(app);
        var failed = await Server.WaitForMessage(app, message, "failed");
        failed.GetProperty("deliveries")[0].GetProperty("reason").GetString().ShouldBe("attempts_exhausted");

        (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay", new { })).Expect(202);
        var reopened = await Server.WaitForMessage(app, message, "succeeded");

        reopened.GetProperty("deliveries")[0].GetProperty("attemptCount").GetInt32().ShouldBe(4);
        reopened.GetProperty("deliveries")[0].GetProperty("reason").ValueKind.ShouldBe(JsonValueKind.Null);
        receiver.RespondWith(500);
        var replay = (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay", new { })).Expect(202);
        await Server.WaitForMessage(app, message, "failed");
        (await Finished(replay.Text("replayId"))).GetProperty("failed").GetInt32().ShouldBe(1);
    }

    [Fact]
    public async Task For_one_endpoint_the_missing_delivery_is_made()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        var message = await Server.Send(app);
        (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay")).Expect(202).Body.GetProperty("matched").GetInt32().ShouldBe(0);
        var late = await Server.CreateEndpoint(app, receiver.Url, new { eventTypes = new[] { "something.else" } });

        (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay", new { endpointId = late })).Expect(202);

        await Server.WaitForMessage(app, message, "succeeded");
        (await Server.Attempts(app, message)).ShouldHaveSingleItem().GetProperty("trigger").GetString().ShouldBe("replay");
        receiver.Count.ShouldBe(1);
    }

    [Fact]
    public async Task One_endpoint_is_replayed_alone()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        var one = await Server.CreateEndpoint(app, receiver.UrlFor("/one"));
        await Server.CreateEndpoint(app, receiver.UrlFor("/two"));
        var message = await Server.Send(app);
        await Server.WaitForMessage(app, message, "succeeded");

        (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay", new { endpointId = one })).Expect(202);
        (await receiver.WaitFor(3))[2].Path.ShouldBe("/one");
    }

    [Fact]
    public async Task A_pending_delivery_becomes_due_now_and_is_not_doubled()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500, 200);
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, receiver.Url, new { retryBackoffSeconds = 3600 });
        var message = await Server.Send(app);
        await Server.WaitForMessage(app, message, found => found.GetProperty("deliveries")[0].GetProperty("attemptCount").GetInt32() == 1);

        await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ => (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay")).Status.ShouldBe(202)));

        await Server.WaitForMessage(app, message, "succeeded");
        (await Server.Message(app, message)).GetProperty("deliveries").GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task A_replay_while_the_first_attempt_is_in_flight_does_not_send_it_twice_at_once()
    {
        await using var receiver = await ReceiverStub.Start();
        var release = new TaskCompletionSource();
        receiver.Respond((_, _) => release.Task);
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, receiver.Url);
        var message = await Server.Send(app);
        await receiver.WaitFor(1);

        var replay = (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay")).Expect(202);
        release.SetResult();

        await Server.WaitForMessage(app, message, "succeeded");
        var next = await Server.Send(app);
        await Server.WaitForMessage(app, next, "succeeded");
        receiver.Count.ShouldBe(2);
        var finished = await Finished(replay.Text("replayId"));
        finished.GetProperty("succeeded").GetInt32().ShouldBe(1);
        finished.GetProperty("finishedAt").ValueKind.ShouldBe(JsonValueKind.String);
    }

    [Fact]
    public async Task A_paused_endpoint_holds_the_replay_and_a_disabled_or_deleted_one_refuses_it()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, receiver.Url);
        var path = $"/api/v1/apps/{app}/endpoints/{endpoint}";
        var message = await Server.Send(app);
        await Server.WaitForMessage(app, message, "succeeded");
        var replay = $"/api/v1/apps/{app}/messages/{message}/replay";

        (await Server.Patch(path, new { paused = true })).Expect(200);
        (await Server.Post(replay, new { endpointId = endpoint })).Expect(202);
        var held = await Server.Message(app, message);
        held.GetProperty("status").GetString().ShouldBe("pending");
        held.GetProperty("deliveries")[0].GetProperty("status").GetString().ShouldBe("held");
        receiver.Count.ShouldBe(1);
        (await Server.Patch(path, new { paused = false })).Expect(200);
        await receiver.WaitFor(2);
        await Server.WaitForMessage(app, message, "succeeded");

        (await Server.Patch(path, new { enabled = false })).Expect(200);
        (await Server.Post(replay, new { endpointId = endpoint })).ExpectCode(400, "endpoint_disabled");
        (await Server.Post(replay)).ExpectCode(400, "endpoint_disabled");
        (await Server.Delete(path)).Expect(200);
        (await Server.Post(replay, new { endpointId = endpoint })).Expect(404);
        (await Server.Message(app, message)).GetProperty("status").GetString().ShouldBe("succeeded");
    }

    [Fact]
    public async Task What_cannot_be_replayed_is_refused()
    {
        var app = await Server.CreateApp();
        var stranger = await Server.CreateEndpoint(app, fixture.Receiver.Url, recipient: "customer_2");
        var elsewhere = await Server.CreateEndpoint(await Server.CreateApp(), fixture.Receiver.Url);
        var message = await Server.Send(app);
        var path = $"/api/v1/apps/{app}/messages/{message}/replay";

        (await Server.Post(path, new { endpointId = stranger })).Expect(404);
        (await Server.Post(path, new { endpointId = elsewhere })).Expect(404);
        (await Server.Post(path, new { endpointId = "ep_00000000000000000000000000" })).Expect(404);
        (await Server.Post(path, new { endpointId = 5 })).ExpectInvalid("endpointId");
        (await Server.Post(path, new { endpoint = stranger })).ExpectInvalid("endpoint");
        (await Server.Post($"/api/v1/apps/{app}/messages/msg_00000000000000000000000000/replay")).Expect(404);
        (await Server.Get("/api/v1/replays/rpl_00000000000000000000000000")).Expect(404);
    }

    private async Task<JsonElement> Finished(string replay)
    {
        JsonElement found = default;
        await TestServer.Until(async () =>
            (found = (await Server.Get($"/api/v1/replays/{replay}")).Expect(200).Body).GetProperty("status").GetString() == "completed", () => found.ToString());
        return found;
    }

    [Fact]
    public async Task A_replay_that_another_one_takes_over_counts_the_delivery_as_canceled_and_both_finish()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, receiver.Url);
        var message = await Server.Send(app);
        await Server.WaitForMessage(app, message, "succeeded");
        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { paused = true })).Expect(200);
        var first = (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay")).Expect(202).Text("replayId");
        var second = (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay")).Expect(202).Text("replayId");

        (await Finished(first)).GetProperty("canceled").GetInt32().ShouldBe(1);
        (await Server.Get($"/api/v1/replays/{second}")).Expect(200).Text("status").ShouldBe("running");
        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { paused = false })).Expect(200);

        (await Finished(second)).GetProperty("succeeded").GetInt32().ShouldBe(1);
        var third = (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay")).Expect(202).Text("replayId");
        (await Finished(third)).GetProperty("succeeded").GetInt32().ShouldBe(1);
        (await Finished(second)).GetProperty("succeeded").GetInt32().ShouldBe(1);
    }

    [Fact]
    public async Task Disabling_the_endpoint_ends_its_replay_as_canceled()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, receiver.Url);
        var message = await Server.Send(app);
        await Server.WaitForMessage(app, message, "succeeded");
        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { paused = true })).Expect(200);
        var replay = (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay")).Expect(202).Text("replayId");

        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { enabled = false })).Expect(200);

        var finished = await Finished(replay);
        finished.GetProperty("canceled").GetInt32().ShouldBe(1);
        finished.GetProperty("finishedAt").ValueKind.ShouldBe(JsonValueKind.String);
    }

    [Fact]
    public async Task On_an_ordered_endpoint_replays_join_the_tail_in_the_order_in_which_they_were_asked_for()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = await Server.CreateApp();
        var early = await Server.Send(app);
        var endpoint = await Server.CreateEndpoint(app, receiver.Url, new { ordered = true });
        var first = await Server.Send(app);
        await Server.WaitForMessage(app, first, "succeeded");
        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { paused = true })).Expect(200);
        var waiting = await Server.Send(app);
        (await Server.Post($"/api/v1/apps/{app}/messages/{first}/replay", new { endpointId = endpoint })).Expect(202);
        (await Server.Post($"/api/v1/apps/{app}/messages/{early}/replay", new { endpointId = endpoint })).Expect(202);
        var last = await Server.Send(app);

        (await Server.Patch($"/api/v1/apps/{app}/endpoints/{endpoint}", new { paused = false })).Expect(200);

        (await receiver.WaitFor(5)).Select(request => request.Headers["webhook-id"]).ShouldBe([first, waiting, first, early, last]);
    }

    [Fact]
    public async Task A_message_whose_endpoints_are_all_deleted_cannot_be_replayed_for_it_has_none()
    {
        var app = await Server.CreateApp();
        var endpoint = await Server.CreateEndpoint(app, fixture.Receiver.Url);
        var message = await Server.Send(app);
        (await Server.Delete($"/api/v1/apps/{app}/endpoints/{endpoint}")).Expect(200);
        (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay")).Expect(404);
    }
}
