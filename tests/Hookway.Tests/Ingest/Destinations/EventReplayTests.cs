using System.Text.Json;
using Hookway.Access;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Destinations;

public sealed class EventReplayTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task An_event_is_forwarded_again_byte_for_byte_and_its_attempts_are_listed()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500, 200);
        var source = await Server.CreateSource("gitlab", secret: "t0ken");
        var destination = await Server.CreateDestination(source, receiver.Url, new { retryMaxAttempts = 1, headers = new Dictionary<string, string> { ["x-tenant"] = "s3cret" } });
        var id = (await Server.Deliver(source.Path() + "?a=1", "{\"object_kind\" : \"push\"}"u8.ToArray(), headers: [("X-Gitlab-Token", "t0ken")])).Expect(200).Text("eventId");
        await Server.WaitForEvent(id, "failed");

        var replay = (await Server.Post($"/api/v1/ingest/events/{id}/replay")).Expect(202);

        (replay.Text("kind"), replay.Body.GetProperty("matched").GetInt32()).ShouldBe(("event", 1));
        await Server.WaitForEvent(id, "succeeded");
        var got = await receiver.WaitFor(2);
        got[1].Body.ShouldBe(got[0].Body);
        (got[1].Headers["X-Gitlab-Token"], got[1].Headers["hookway-attempt"]).ShouldBe(("t0ken", "2"));
        (await Finished(replay.Text("replayId"))).GetProperty("succeeded").GetInt32().ShouldBe(1);
        foreach (var query in (string[])[$"?eventId={id}", $"?destinationId={destination}", $"?eventId={id}&destinationId={destination}"])
        {
            var attempts = (await Server.Get("/api/v1/ingest/attempts" + query)).Expect(200).Items;
            attempts.Select(attempt => (attempt.GetProperty("number").GetInt32(), attempt.GetProperty("trigger").GetString(), attempt.GetProperty("status").GetString()))
                .ShouldBe([(2, "replay", "succeeded"), (1, "automatic", "failed")]);
            var headers = attempts[0].GetProperty("requestHeaders");
            (headers.GetProperty("X-Gitlab-Token").GetString(), headers.GetProperty("x-tenant").GetString(), headers.GetProperty("hookway-event-id").GetString()).ShouldBe(("••••••", "••••••", id));
            attempts[0].GetProperty("url").GetString().ShouldBe(receiver.Url + "?a=1");
            attempts[0].GetProperty("destinationId").GetString().ShouldBe(destination);
        }
        (await Server.Get($"/api/v1/ingest/attempts?eventId={id}&status=failed")).Items.Single().GetProperty("error").GetString().ShouldBe("http_status");
        (await Server.Get($"/api/v1/ingest/attempts?eventId={id}&status=succeeded")).Items.Length.ShouldBe(1);
        (await Server.Get("/api/v1/ingest/attempts?limit=250")).Items.Count(attempt => attempt.GetProperty("eventId").GetString() == id).ShouldBe(2);
        var first = (await Server.Get($"/api/v1/ingest/attempts?destinationId={destination}&limit=1")).Expect(200);
        (await Server.Get($"/api/v1/ingest/attempts?destinationId={destination}&limit=1&cursor={first.Text("nextCursor")}")).Items.Single().GetProperty("number").GetInt32().ShouldBe(1);
        (await Server.Get("/api/v1/ingest/attempts", await Server.CreateWorkspace($"other-{id}"))).Items.ShouldBeEmpty();
        (await Server.Get("/api/v1/ingest/attempts?eventId=evt_00000000000000000000000000")).Expect(404);
    }

    [Fact]
    public async Task A_replay_makes_what_was_missing_and_says_why_it_cannot()
    {
        await using var receiver = await ReceiverStub.Start();
        var source = await Server.CreateSource();
        var before = (await Server.DeliverGitHub(source, "d-1")).Expect(200).Text("eventId");
        (await Server.DeliverGitHub(source, "d-2", secret: "forged")).Expect(401);
        var forged = (await Server.Events(source, "&signatureStatus=failed")).Single().GetProperty("eventId").GetString();
        var all = await Server.CreateDestination(source, receiver.UrlFor("/all"));
        var other = await Server.CreateDestination(source, receiver.UrlFor("/other"), new { filterEventTypes = "push" });

        (await Server.Post($"/api/v1/ingest/events/{before}/replay")).Expect(202).Body.GetProperty("matched").GetInt32().ShouldBe(1);
        (await receiver.WaitFor(1))[0].Path.ShouldBe("/all");
        (await Server.Post($"/api/v1/ingest/events/{before}/replay", new { destinationId = other })).Expect(202);
        (await receiver.WaitFor(2))[1].Path.ShouldBe("/other");

        (await Server.Post($"/api/v1/ingest/events/{forged}/replay")).ExpectCode(400, "signature_failed");
        (await Server.ChangeDestination(all, new { enabled = false })).Expect(200);
        (await Server.Post($"/api/v1/ingest/events/{before}/replay", new { destinationId = all })).ExpectCode(400, "endpoint_disabled");
        (await Server.Post($"/api/v1/ingest/events/{before}/replay", new { destinationId = "dst_00000000000000000000000000" })).Expect(404);
        (await Server.Post("/api/v1/ingest/events/evt_00000000000000000000000000/replay")).Expect(404);
        var elsewhere = await Server.CreateDestination(await Server.CreateSource(), receiver.Url);
        (await Server.Post($"/api/v1/ingest/events/{before}/replay", new { destinationId = elsewhere })).Expect(404);
    }

    [Fact]
    public async Task Events_that_match_a_filter_are_forwarded_again_and_a_dry_run_counts_them()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500);
        var source = await Server.CreateSource();
        var early = (await Server.DeliverGitHub(source, "early")).Expect(200).Text("eventId");
        var destination = await Server.CreateDestination(source, receiver.Url, new { retryMaxAttempts = 1 });
        var failed = new List<string>();
        // One more, and the destination would be taken for down.
        for (var i = 0; i < 4; i++)
        {
            failed.Add((await Server.DeliverGitHub(source, $"f-{i}", new { action = i % 2 == 0 ? "opened" : "closed", issue = new { id = i } })).Expect(200).Text("eventId"));
        }
        foreach (var id in failed)
        {
            await Server.WaitForEvent(id, "failed");
        }
        receiver.RespondWith(200);
        var arrived = (await Server.DeliverGitHub(source, "good")).Expect(200).Text("eventId");
        await Server.WaitForEvent(arrived, "succeeded");
        (await Server.DeliverGitHub(source, "forged", secret: "x")).Expect(401);
        async Task<int> Matched(object filter)
        {
            var body = JsonSerializer.SerializeToNode(filter)!.AsObject();
            body["sourceId"] = source.Id();
            body["dryRun"] = true;
            var answer = (await Server.Post("/api/v1/ingest/replays", body)).Expect(200).Body;
            answer.GetProperty("complete").GetBoolean().ShouldBeTrue();
            return answer.GetProperty("matched").GetInt32();
        }

        (await Matched(new { })).ShouldBe(6);
        (await Matched(new { status = "failed" })).ShouldBe(4);
        (await Matched(new { status = "failed", type = "issues.closed" })).ShouldBe(2);
        (await Matched(new { status = "failed", type = "issues.*" })).ShouldBe(4);
        (await Matched(new { q = "f-" })).ShouldBe(4);
        (await Matched(new { status = "succeeded" })).ShouldBe(1);
        (await Matched(new { status = "skipped" })).ShouldBe(1);
        (await Matched(new { status = "skipped", destinationId = destination })).ShouldBe(1);
        (await Matched(new { status = "canceled" })).ShouldBe(0);
        (await Matched(new { since = DateTimeOffset.UtcNow.AddHours(1) })).ShouldBe(0);
        (await Matched(new { until = DateTimeOffset.UtcNow.AddHours(-1) })).ShouldBe(0);
        var count = receiver.Count;

        var replay = (await Server.Post("/api/v1/ingest/replays", new { sourceId = source.Id(), status = "failed", type = "issues.closed" })).Expect(202);

        replay.Text("kind").ShouldBe("events");
        var done = await Finished(replay.Text("replayId"));
        (done.GetProperty("matched").GetInt32(), done.GetProperty("succeeded").GetInt32(), done.GetProperty("status").GetString()).ShouldBe((2, 2, "completed"));
        receiver.Requests.Skip((int)count).Select(request => request.Headers["hookway-event-id"]).ShouldBe([failed[1], failed[3]], ignoreOrder: true);
        (await Matched(new { status = "failed" })).ShouldBe(2);
        (await Finished((await Server.Post("/api/v1/ingest/replays", new { destinationId = destination, status = "skipped" })).Expect(202).Text("replayId"))).GetProperty("succeeded").GetInt32().ShouldBe(1);
        (await Server.Event(early)).GetProperty("status").GetString().ShouldBe("succeeded");
        (await Server.Get($"/api/v1/replays?sourceId={source.Id()}&kind=events")).Items.Length.ShouldBe(2);
        (await Server.Post("/api/v1/ingest/replays", new { sourceId = "src_00000000000000000000000000" })).Expect(404);
        (await Server.Post("/api/v1/ingest/replays", new { destinationId = "dst_00000000000000000000000000" })).Expect(404);
    }

    [Fact]
    public async Task Replays_of_events_are_seen_with_scopes_of_ingest_alone()
    {
        await using var receiver = await ReceiverStub.Start();
        var source = await Server.CreateSource();
        await Server.CreateDestination(source, receiver.Url);
        var id = (await Server.DeliverGitHub(source, "s-1")).Expect(200).Text("eventId");
        await Server.WaitForEvent(id, "succeeded");
        var ours = (await Server.Post($"/api/v1/ingest/events/{id}/replay")).Expect(202).Text("replayId");
        var app = await Server.CreateApp();
        await Server.CreateEndpoint(app, receiver.Url);
        var message = await Server.Send(app);
        await Server.WaitForMessage(app, message, "succeeded");
        var theirs = (await Server.Post($"/api/v1/apps/{app}/messages/{message}/replay")).Expect(202).Text("replayId");
        var ingest = await Server.CreateKey([Scopes.IngestRead, Scopes.IngestWrite]);
        var dispatch = await Server.CreateKey([Scopes.MessageRead, Scopes.MessageWrite]);

        (await Server.Get($"/api/v1/replays/{ours}", ingest)).Expect(200);
        (await Server.Get($"/api/v1/replays/{ours}", dispatch)).Expect(404);
        (await Server.Get($"/api/v1/replays/{theirs}", ingest)).Expect(404);
        (await Server.Get($"/api/v1/replays/{theirs}", dispatch)).Expect(200);
        (await Server.Post($"/api/v1/replays/{ours}/cancel", key: dispatch)).Expect(404);
        (await Server.Post($"/api/v1/replays/{ours}/cancel", key: ingest)).Expect(200);
        (await Server.Post($"/api/v1/replays/{ours}/cancel", key: await Server.CreateKey([Scopes.IngestRead]))).Expect(403);
        (await Server.Get("/api/v1/replays?limit=250", ingest)).Items.ShouldAllBe(replay => replay.GetProperty("kind").GetString()!.StartsWith("event"));
        (await Server.Get("/api/v1/replays?limit=250", dispatch)).Items.ShouldAllBe(replay => !replay.GetProperty("kind").GetString()!.StartsWith("event"));
    }

    [Fact]
    public async Task What_waits_to_be_tried_again_is_listed_page_by_page_and_by_status()
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500);
        var source = await server.CreateSource();
        var first = await server.CreateDestination(source, receiver.UrlFor("/a"), new { retryBackoffSeconds = 3600 });
        var second = await server.CreateDestination(source, receiver.UrlFor("/b"), new { retryBackoffSeconds = 3600 });
        var ids = new List<string>();
        for (var i = 0; i < 2; i++)
        {
            ids.Add((await server.DeliverGitHub(source, $"j-{i}")).Expect(200).Text("eventId"));
        }
        async Task<(string?, string?)[]> Jobs(string query = "") => [.. (await server.Get("/api/v1/ingest/retry-jobs" + query)).Expect(200).Items
            .Select(job => (job.GetProperty("eventId").GetString(), job.GetProperty("destinationId").GetString()))];
        await TestServer.Until(async () => (await Jobs()).Length == 4);

        (await Jobs()).ShouldBe([(ids[1], second), (ids[1], first), (ids[0], second), (ids[0], first)]);
        var page = (await server.Get("/api/v1/ingest/retry-jobs?limit=3")).Expect(200);
        (await Jobs($"?limit=3&cursor={page.Text("nextCursor")}")).ShouldBe([(ids[0], first)]);
        page.Items[0].GetProperty("attemptCount").GetInt32().ShouldBe(1);
        page.Items[0].GetProperty("lastError").GetString().ShouldBe("http_status");
        page.Items[0].GetProperty("nextAttemptAt").ValueKind.ShouldBe(JsonValueKind.String);
        (await server.ChangeDestination(second, new { paused = true })).Expect(200);
        (await Jobs("?status=held")).ShouldBe([(ids[1], second), (ids[0], second)]);
        (await Jobs("?status=pending")).ShouldBe([(ids[1], first), (ids[0], first)]);
        (await server.Get("/api/v1/ingest/retry-jobs", await server.CreateWorkspace())).Items.ShouldBeEmpty();
        (await server.Delete($"/api/v1/ingest/destinations/{first}")).Expect(200);
        (await Jobs()).Length.ShouldBe(2);
    }

    [Fact]
    public async Task Replaying_an_event_that_feeds_an_app_replays_its_message()
    {
        await using var receiver = await ReceiverStub.Start();
        var app = (await Server.Post("/api/v1/apps", new { name = "Routed", routingKeyBodyPath = "customer" })).Expect(201).Text("appId");
        (await Server.Put($"/api/v1/apps/{app}/event-types/issues.opened", new { })).Expect(201);
        var source = await Server.CreateSource();
        await Server.CreateFeed(source, app);
        await Server.CreateEndpoint(app, receiver.Url, recipient: "acme");
        var id = (await Server.DeliverGitHub(source, "m-1", new { action = "opened", customer = "acme" })).Expect(200).Text("eventId");
        await receiver.WaitFor(1);
        await Server.WaitForEvent(id, "succeeded");
        await Server.WaitForMessage(app, id, "succeeded");

        (await Server.Post($"/api/v1/ingest/events/{id}/replay")).Expect(202);

        var got = await receiver.WaitFor(2);
        got.Select(request => request.Headers["webhook-id"]).ShouldBe([id, id]);
        await TestServer.Until(async () => (await Server.Attempts(app, id)).Length == 2);
        (await Server.Attempts(app, id))[1].GetProperty("trigger").GetString().ShouldBe("replay");
        var attempts = (await Server.Get($"/api/v1/ingest/attempts?eventId={id}")).Items;
        attempts.ShouldAllBe(attempt => attempt.GetProperty("url").ValueKind == JsonValueKind.Null && attempt.GetProperty("status").GetString() == "succeeded");
    }

    private async Task<JsonElement> Finished(string replay)
    {
        JsonElement last = default;
        await TestServer.Until(
            async () => (last = (await Server.Get($"/api/v1/replays/{replay}")).Expect(200).Body).GetProperty("finishedAt").ValueKind is JsonValueKind.String, () => $"The last state was {last}");
        return last;
    }
}
