using System.Text;
using System.Text.Json;
using Hookway.Tests.Support;
using Hookway.Webhooks;

namespace Hookway.Tests.Ingest.Destinations;

public sealed class ForwardingTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task A_destination_gets_method_body_query_and_headers_as_they_came()
    {
        await using var receiver = await ReceiverStub.Start();
        var source = await Server.CreateSource("custom", secret: null);
        await Server.CreateDestination(source, receiver.UrlFor("/hook?own=1"));
        byte[] body = [0, 255, .. "\r\n{\"a\" :  1.10}"u8, 200];

        var id = (await Server.Deliver(source.Path() + "?b=2&c=%20x", body, "application/x-custom; charset=latin1", HttpMethod.Put,
            ("X-Vendor", "a, b;c=\"d\""), ("X-Twice", "1"), ("X-Twice", "2"), ("User-Agent", "Vendor/1.0"), ("Accept", "*/*"), ("Connection", "X-Gone"), ("X-Gone", "1"),
            ("Keep-Alive", "timeout=5"), ("TE", "trailers"), ("hookway-event-id", "evt_forged"))).Expect(200).Text("eventId");

        var got = (await receiver.WaitFor(1))[0];
        (got.Method, got.Path, got.Query).ShouldBe(("PUT", "/hook", "?own=1&b=2&c=%20x"));
        got.Body.ShouldBe(body);
        got.Headers["Content-Type"].ShouldBe("application/x-custom; charset=latin1");
        got.Headers["X-Vendor"].ShouldBe("a, b;c=\"d\"");
        got.Headers["X-Twice"].Replace(" ", "").ShouldBe("1,2");
        got.Headers["User-Agent"].ShouldBe("Vendor/1.0");
        got.Headers["hookway-event-id"].ShouldBe(id);
        got.Headers["hookway-source"].ShouldBe(source.Id());
        got.Headers["hookway-attempt"].ShouldBe("1");
        foreach (var gone in (string[])["X-Gone", "Keep-Alive", "TE", "webhook-signature", "traceparent"])
        {
            got.Headers.Keys.ShouldNotContain(gone, StringComparer.OrdinalIgnoreCase);
        }
        var delivery = (await Server.WaitForEvent(id, "succeeded")).GetProperty("deliveries")[0];
        (delivery.GetProperty("status").GetString(), delivery.GetProperty("attemptCount").GetInt32(), delivery.GetProperty("lastResponseStatus").GetInt32()).ShouldBe(("succeeded", 1, 200));
    }

    [Fact]
    public async Task Secrets_of_the_request_are_forwarded_also_after_a_restart_and_what_is_custom_takes_the_place_of_what_came()
    {
        await using var server = await TestServer.Start();
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500, 200);
        var source = await server.CreateSource("gitlab", secret: "t0ken");
        await server.CreateDestination(source, receiver.Url, new { retryBackoffSeconds = 1, headers = new Dictionary<string, string> { ["x-tenant"] = "acme" }, signingSecret = WebhookSecret.Generate(SignatureScheme.HmacSha256).Reveal() });
        var id = (await server.Deliver(source.Path(), """{"object_kind":"push"}"""u8.ToArray(), headers:
            [("X-Gitlab-Token", "t0ken"), ("Authorization", "Basic eDp5"), ("Cookie", "a=b"), ("X-Tenant", "forged"), ("webhook-id", "theirs")])).Expect(200).Text("eventId");
        await receiver.WaitFor(1);
        await server.Restart();

        var got = await receiver.WaitFor(2);

        foreach (var request in got)
        {
            (request.Headers["X-Gitlab-Token"], request.Headers["Authorization"], request.Headers["Cookie"]).ShouldBe(("t0ken", "Basic eDp5", "a=b"));
            (request.Headers["x-tenant"], request.Headers["webhook-id"]).ShouldBe(("acme", id));
        }
        got.Select(request => request.Headers["hookway-attempt"]).ShouldBe(["1", "2"]);
        got[1].Body.ShouldBe(got[0].Body);
    }

    [Theory]
    [InlineData("custom", "X-Old", "", "X-New", "")]
    [InlineData("google-pubsub", null, "?token=0ld-t0ken", "X-New", "")]
    [InlineData("custom", "X-Old", "?token=n3w-t0ken", null, "google-pubsub")]
    public async Task A_secret_is_forwarded_and_shown_nowhere_also_when_the_source_says_otherwise_by_then(string vendor, string? header, string query, string? laterHeader, string laterVendor)
    {
        await using var receiver = await ReceiverStub.Start();
        static object? Token(string? name) => name is null ? null : new { algorithm = "token", header = name };
        var source = await Server.CreateSource(vendor, header is null ? null : new { verification = Token(header) }, "0ld-t0ken");
        await Server.CreateDestination(source, receiver.UrlFor("/hook?own=1"));
        var id = (await Server.Deliver(source.Path() + query, "{}"u8.ToArray(), headers: [("X-Old", "0ld-t0ken"), ("X-New", "n3w-t0ken"), ("X-Plain", "as it is")])).Expect(200).Text("eventId");
        await Server.WaitForEvent(id, "succeeded");

        (await Server.Patch($"/api/v1/ingest/sources/{source.Id()}", new { vendor = laterVendor.Length == 0 ? "custom" : laterVendor, verification = Token(laterHeader), signingSecret = "n3w-t0ken" })).Expect(200);
        (await Server.Post($"/api/v1/ingest/events/{id}/replay")).Expect(202);
        var got = await receiver.WaitFor(2);
        await Server.WaitForEvent(id, "succeeded");

        var sent = query.Length == 0 ? "?own=1" : "?own=1&" + query[1..];
        got.ShouldAllBe(request => request.Headers["X-Old"] == "0ld-t0ken" && request.Headers["X-New"] == "n3w-t0ken" && request.Query == sent);
        var attempts = (await Server.Get($"/api/v1/ingest/attempts?eventId={id}")).Expect(200).Items;
        attempts.Length.ShouldBe(2);
        string[] hidden = [.. header is null ? Array.Empty<string>() : [header], .. laterHeader is null ? Array.Empty<string>() : [laterHeader]];
        foreach (var shown in attempts.Select(attempt => attempt.GetProperty("requestHeaders")))
        {
            hidden.ShouldAllBe(name => shown.GetProperty(name).GetString() == "••••••");
            shown.GetProperty("X-Plain").GetString().ShouldBe("as it is");
        }
        attempts.Select(attempt => attempt.GetProperty("url").GetString()!).ShouldAllBe(url => !url.Contains("t0ken"));
        var found = await Server.Event(id);
        found.GetProperty("path").GetString()!.ShouldNotContain("t0ken");
        found.GetProperty("headers").EnumerateArray().Where(item => hidden.Contains(item.GetProperty("name").GetString())).ShouldAllBe(item => item.GetProperty("value").GetString() == "••••••");
        (await Server.Events(source))[0].GetProperty("path").GetString()!.ShouldNotContain("t0ken");
    }

    [Fact]
    public async Task Events_go_to_the_destinations_that_want_them_by_type_entity_and_body()
    {
        await using var receiver = await ReceiverStub.Start();
        var source = await Server.CreateSource();
        (string Path, object Filter)[] filters =
        [
            ("/all", new { filterEventTypes = " " }), ("/type", new { filterEventTypes = "issues.opened" }), ("/prefix", new { filterEventTypes = new[] { "issues.*" } }),
            ("/other", new { filterEventTypes = "push" }), ("/entity", new { filterEntityKey = "7" }), ("/other-entity", new { filterEntityKey = "8" }),
            ("/body", new { filterBodyPath = "issue.labels[0].name", filterBodyValue = "bug" }), ("/number", new { filterBodyPath = "issue.id", filterBodyValue = 7 }),
            ("/text", new { filterBodyPath = "issue.id", filterBodyValue = "7" }), ("/missing", new { filterBodyPath = "issue.none", filterBodyValue = 7 }),
            ("/both", new { filterEventTypes = "issues.*", filterEntityKey = "8" }), ("/off", new { }),
        ];
        var last = "";
        foreach (var (path, filter) in filters)
        {
            last = await Server.CreateDestination(source, receiver.UrlFor(path), filter);
        }
        (await Server.ChangeDestination(last, new { enabled = false })).Expect(200);

        var id = (await Server.DeliverGitHub(source, "f-1", new { action = "opened", issue = new { id = 7, labels = new[] { new { name = "bug" } } } })).Expect(200).Text("eventId");

        var found = await Server.WaitForEvent(id, "succeeded");
        found.GetProperty("deliveries").GetArrayLength().ShouldBe(6);
        receiver.Requests.Select(request => request.Path).Order().ShouldBe(["/all", "/body", "/entity", "/number", "/prefix", "/type"]);
    }

    [Fact]
    public async Task What_was_refused_or_repeated_or_of_a_source_that_is_off_is_not_forwarded_and_a_copy_goes_where_none_arrived()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondPerPath("/bad", 500, 200);
        var source = await Server.CreateSource();
        await Server.CreateDestination(source, receiver.UrlFor("/good"));
        await Server.CreateDestination(source, receiver.UrlFor("/bad"), new { retryMaxAttempts = 1 });

        (await Server.DeliverGitHub(source, "d-1", secret: "forged")).Expect(401);
        var first = (await Server.DeliverGitHub(source, "d-1")).Expect(200).Text("eventId");
        await Server.WaitForEvent(first, "failed");
        var copy = (await Server.DeliverGitHub(source, "d-1")).Expect(200).Text("eventId");
        (await Server.WaitForEvent(copy, "succeeded")).GetProperty("deliveries").GetArrayLength().ShouldBe(1);
        var third = (await Server.DeliverGitHub(source, "d-1")).Expect(200).Text("eventId");
        (await Server.Event(third)).GetProperty("status").GetString().ShouldBe("skipped");
        (await Server.Patch($"/api/v1/ingest/sources/{source.Id()}", new { enabled = false })).Expect(200);
        var off = (await Server.DeliverGitHub(source, "d-2")).Expect(200).Text("eventId");
        (await Server.Event(off)).GetProperty("status").GetString().ShouldBe("skipped");

        receiver.Requests.Select(request => request.Path).Order().ShouldBe(["/bad", "/bad", "/good"]);
    }

    [Fact]
    public async Task A_body_is_cut_and_reshaped_and_what_cannot_be_is_a_failed_attempt_that_keeps_the_event()
    {
        await using var receiver = await ReceiverStub.Start();
        var source = await Server.CreateSource();
        await Server.CreateDestination(source, receiver.UrlFor("/part"), new { transformBodyPath = "issue" });
        await Server.CreateDestination(source, receiver.UrlFor("/shaped"), new { transformBodyPath = "issue", transformExpression = "{number: id, what: title}" });
        var bad = await Server.CreateDestination(source, receiver.UrlFor("/bad"), new { transformExpression = "abs(action)", retryMaxAttempts = 1 });

        var id = (await Server.DeliverGitHub(source, "t-1", type: "issues", more: ("Digest", "sha-256=x"))).Expect(200).Text("eventId");

        var found = await Server.WaitForEvent(id, "failed");
        await receiver.WaitFor(2);
        var shaped = receiver.Requests.Single(request => request.Path == "/shaped");
        Encoding.UTF8.GetString(shaped.Body).ShouldBe("""{"number":7,"what":"Zoë ✓"}""");
        shaped.Headers["Content-Type"].ShouldBe("application/json");
        shaped.Headers.Keys.ShouldNotContain("Digest", StringComparer.OrdinalIgnoreCase);
        JsonElement.Parse(receiver.Requests.Single(request => request.Path == "/part").Body).GetProperty("id").GetInt32().ShouldBe(7);
        var failed = found.GetProperty("deliveries").EnumerateArray().Single(delivery => delivery.GetProperty("destinationId").GetString() == bad);
        (failed.GetProperty("lastError").GetString(), failed.GetProperty("attemptCount").GetInt32()).ShouldBe(("transform_failed", 1));
        receiver.Requests.ShouldNotContain(request => request.Path == "/bad");
    }

    [Fact]
    public async Task Paused_destinations_hold_events_and_ordered_ones_get_them_in_order()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500, 200);
        var source = await Server.CreateSource();
        var destination = await Server.CreateDestination(source, receiver.Url, new { ordered = true, retryBackoffSeconds = 1 });
        (await Server.ChangeDestination(destination, new { paused = true })).Expect(200);
        var ids = new List<string>();
        for (var i = 0; i < 4; i++)
        {
            ids.Add((await Server.DeliverGitHub(source, $"o-{i}")).Expect(200).Text("eventId"));
        }
        (await Server.Event(ids[0])).GetProperty("deliveries")[0].GetProperty("status").GetString().ShouldBe("held");
        receiver.Count.ShouldBe(0);

        (await Server.ChangeDestination(destination, new { paused = false })).Expect(200);

        var got = await receiver.WaitFor(5);
        got.Select(request => request.Headers["hookway-event-id"]).ShouldBe([ids[0], .. ids]);
    }

    [Fact]
    public async Task Disabling_deleting_and_archiving_end_what_waits_and_410_disables()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondWith(500);
        receiver.RespondPerPath("/gone", 410);
        var source = await Server.CreateSource();
        var disabled = await Server.CreateDestination(source, receiver.UrlFor("/1"));
        var deleted = await Server.CreateDestination(source, receiver.UrlFor("/2"));
        await Server.CreateDestination(source, receiver.UrlFor("/3"));
        var gone = await Server.CreateDestination(source, receiver.UrlFor("/gone"));
        var id = (await Server.DeliverGitHub(source, "e-1")).Expect(200).Text("eventId");
        await receiver.WaitFor(4);

        (await Server.ChangeDestination(disabled, new { enabled = false })).Expect(200);
        (await Server.Delete($"/api/v1/ingest/destinations/{deleted}")).Expect(200);
        (await Server.Delete($"/api/v1/ingest/sources/{source.Id()}")).Expect(200);

        var found = await Server.WaitForEvent(id, "canceled");
        found.GetProperty("deliveries").EnumerateArray().Select(delivery => delivery.GetProperty("reason").GetString())
            .ShouldBe(["endpoint_disabled", "endpoint_deleted", "source_archived", "endpoint_disabled"]);
        (await Server.Get($"/api/v1/ingest/destinations/{gone}")).Text("disabledReason").ShouldBe("The receiver answered 410 Gone.");
        (await Server.ChangeDestination(gone, new { enabled = true })).Expect(404);
    }

    [Fact]
    public async Task A_released_event_is_forwarded()
    {
        await using var receiver = await ReceiverStub.Start();
        var source = await Server.CreateSource(secret: "mistyped");
        await Server.CreateDestination(source, receiver.Url);
        (await Server.DeliverGitHub(source, "r-1")).Expect(401);
        var id = (await Server.Events(source))[0].GetProperty("eventId").GetString()!;
        (await Server.Patch($"/api/v1/ingest/sources/{source.Id()}", new { signingSecret = IngestClient.Secret })).Expect(200);

        (await Server.Post($"/api/v1/ingest/events/{id}/verify", new { release = true })).Expect(200).Body.GetProperty("released").GetBoolean().ShouldBeTrue();

        (await receiver.WaitFor(1))[0].Headers["hookway-event-id"].ShouldBe(id);
        await Server.WaitForEvent(id, "succeeded");
    }

    [Fact]
    public async Task A_released_event_goes_nowhere_where_its_copy_arrived_or_it_was_tried_itself()
    {
        await using var receiver = await ReceiverStub.Start();
        receiver.RespondPerPath("/fails", 500);
        var source = await Server.CreateSource(secret: "mistyped");
        await Server.CreateDestination(source, receiver.Url);
        (await Server.DeliverGitHub(source, "r-2")).Expect(401);
        var first = (await Server.Events(source))[0].GetProperty("eventId").GetString()!;
        (await Server.Patch($"/api/v1/ingest/sources/{source.Id()}", new { signingSecret = IngestClient.Secret })).Expect(200);
        // The vendor has sent it again before it is released.
        var again = (await Server.DeliverGitHub(source, "r-2")).Expect(200).Text("eventId");
        await Server.WaitForEvent(again, "succeeded");
        await Server.CreateDestination(source, receiver.UrlFor("/fails"), new { retryMaxAttempts = 1 });

        (await Server.Post($"/api/v1/ingest/events/{first}/verify", new { release = true })).Expect(200).Body.GetProperty("released").GetBoolean().ShouldBeTrue();
        await Server.WaitForEvent(first, "failed");
        (await Server.Post($"/api/v1/ingest/events/{first}/verify", new { release = true })).Expect(200).Body.GetProperty("released").GetBoolean().ShouldBeFalse();

        receiver.Requests.Count(request => request.Path == "/hook").ShouldBe(1);
        (await Server.Event(first)).GetProperty("deliveries").GetArrayLength().ShouldBe(1);
    }
}
