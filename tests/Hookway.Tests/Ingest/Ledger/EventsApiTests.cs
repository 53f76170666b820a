using System.Text.Json;
using Dapper;
using Hookway.Storage;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Ledger;

public sealed class EventsApiTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task Events_are_listed_newest_first_page_by_page_and_filtered()
    {
        var source = await Server.CreateSource();
        for (var i = 0; i < 7; i++)
        {
            (await Server.DeliverGitHub(source, $"list-{i}", new { action = i % 2 == 0 ? "opened" : "closed", issue = new { id = 100 + (i / 2) } })).Expect(200);
        }
        async Task<string?[]> List(string query) =>
            [.. (await Server.Get($"/api/v1/ingest/events?sourceId={source.Id()}{query}")).Expect(200).Items.Select(item => item.GetProperty("vendorEventId").GetString())];

        (await List("")).ShouldBe(["list-6", "list-5", "list-4", "list-3", "list-2", "list-1", "list-0"]);
        (await List("&type=issues.closed")).ShouldBe(["list-5", "list-3", "list-1"]);
        (await List("&entityKey=101")).ShouldBe(["list-3", "list-2"]);
        (await List("&entityKey=101&type=issues.opened")).ShouldBe(["list-2"]);
        (await List("&status=skipped&limit=2")).ShouldBe(["list-6", "list-5"]);
        (await List("&status=failed")).ShouldBeEmpty();
        (await List("&status=pending")).ShouldBeEmpty();
        (await List("&signatureStatus=verified&limit=1")).ShouldBe(["list-6"]);
        (await List("&signatureStatus=failed")).ShouldBeEmpty();
        var first = (await Server.Get($"/api/v1/ingest/events?sourceId={source.Id()}&limit=3")).Expect(200);
        first.Items.Select(item => item.GetProperty("vendorEventId").GetString()).ShouldBe(["list-6", "list-5", "list-4"]);
        (await List($"&limit=3&cursor={first.Text("nextCursor")}")).ShouldBe(["list-3", "list-2", "list-1"]);
        var middle = first.Items[2].GetProperty("receivedAt").GetString();
        (await List($"&since={middle}"))[..3].ShouldBe(["list-6", "list-5", "list-4"]);
        (await List($"&until={middle}")).ShouldNotContain("list-4");
        first.Items[0].TryGetProperty("body", out _).ShouldBeFalse();
        first.Items[0].TryGetProperty("headers", out _).ShouldBeFalse();
    }

    [Fact]
    public async Task Events_are_found_by_id_vendors_id_entity_and_type_exact_or_by_their_beginning()
    {
        await using var server = await TestServer.Start();
        var source = await server.CreateSource();
        var other = await server.CreateSource();
        var id = (await server.DeliverGitHub(source, "abc-1", new { action = "opened", issue = new { id = 4711 } })).Expect(200).Text("eventId");
        (await server.DeliverGitHub(source, "abc-2", new { action = "opened", issue = new { id = 4712 } })).Expect(200);
        (await server.DeliverGitHub(other, "xyz-3", new { zen = "Keep it logically awesome." }, type: "ping")).Expect(200);
        async Task<string?[]> Search(string q) =>
            [.. (await server.Get($"/api/v1/ingest/events?q={Uri.EscapeDataString(q)}")).Expect(200).Items.Select(item => item.GetProperty("vendorEventId").GetString())];

        (await Search(id)).ShouldBe(["abc-1"]);
        (await Search("evt_")).ShouldBe(["xyz-3", "abc-2", "abc-1"]);
        (await Search("abc-1")).ShouldBe(["abc-1"]);
        (await Search("abc")).ShouldBe(["abc-2", "abc-1"]);
        (await Search("4712")).ShouldBe(["abc-2"]);
        (await Search("471")).ShouldBe(["abc-2", "abc-1"]);
        (await Search("ping")).ShouldBe(["xyz-3"]);
        (await Search("issues.o")).ShouldBe(["abc-2", "abc-1"]);
        (await Search("nothing")).ShouldBeEmpty();
        (await Search("☃")).ShouldBeEmpty();
        (await server.Get($"/api/v1/ingest/events?q=abc&sourceId={other.Id()}")).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task Types_of_events_that_failed_and_types_beyond_those_that_are_kept_are_found_too()
    {
        await using var server = await TestServer.Start();
        var (source, crowded) = (await server.CreateSource(), await server.CreateSource());
        async Task<string?[]> Search(string q) =>
            [.. (await server.Get($"/api/v1/ingest/events?q={q}")).Expect(200).Items.Select(item => item.GetProperty("vendorEventId").GetString())];
        (await server.DeliverGitHub(source, "genuine", new { action = "made" }, type: "tower")).Expect(200);
        (await server.DeliverGitHub(source, "forged", new { action = "made" }, secret: "wrong", type: "tunnel")).Expect(401);

        (await Search("tunnel.made")).ShouldBe(["forged"]);
        (await Search("t")).ShouldBe(["forged", "genuine"]);
        (await KnownTypes(server, source)).ShouldBe(["tower.made", "tunnel.made"]);

        // What is forged leaves room for what is genuine; of what has no room any more it is known that there is something.
        await FillTypes(server, crowded, Hookway.Ingest.Intake.KnownTypes.MostWithFailed);
        (await server.DeliverGitHub(crowded, "forged-beyond", new { }, secret: "wrong", type: "vault")).Expect(401);
        (await server.DeliverGitHub(crowded, "within", new { }, type: "villa")).Expect(200);
        (await Search("vault")).ShouldBe(["forged-beyond"]);
        (await KnownTypes(server, crowded)).Where(type => !type.StartsWith("type.", StringComparison.Ordinal)).ShouldBe(["", "villa"]);
        await FillTypes(server, crowded, Hookway.Ingest.Intake.KnownTypes.MostOfSource);
        (await server.DeliverGitHub(crowded, "beyond", new { }, type: "windmill")).Expect(200);
        (await Search("windmill")).ShouldBe(["beyond"]);
        (await KnownTypes(server, crowded)).ShouldNotContain("windmill");
        (await Search("none-at-all")).ShouldBeEmpty();
    }

    private static async Task<string[]> KnownTypes(TestServer server, JsonElement source) => [.. (await server.Services.GetRequiredService<Database>().Read(connection =>
        connection.QueryAsync<string>("SELECT type FROM source_types WHERE source_no = (SELECT no FROM sources WHERE id = @id)", new { id = source.Id() }))).Order(StringComparer.Ordinal)];

    private static Task<int> FillTypes(TestServer server, JsonElement source, int types) => server.Services.GetRequiredService<Database>().Write(session => session.Connection.ExecuteAsync(
        "INSERT INTO source_types (workspace_no, type, source_no) SELECT workspace_no, @type, no FROM sources WHERE id = @id ON CONFLICT (workspace_no, type, source_no) DO NOTHING",
        Enumerable.Range(0, types).Select(i => new { id = source.Id(), type = $"type.{i}" }).ToList()));

    [Theory]
    [InlineData("signatureStatus=good", "signatureStatus")]
    [InlineData("status=done", "status")]
    [InlineData("since=yesterday", "since")]
    [InlineData("limit=0", "limit")]
    [InlineData("cursor=x", "cursor")]
    [InlineData("entity=1", "entity")]
    public async Task A_filter_that_cannot_be_is_refused(string query, string field) => (await Server.Get($"/api/v1/ingest/events?{query}")).ExpectInvalid(field);

    [Fact]
    public async Task Another_workspaces_events_are_not_there()
    {
        var source = await Server.CreateSource();
        var id = (await Server.DeliverGitHub(source, "secret-1")).Expect(200).Text("eventId");
        var other = await Server.CreateWorkspace($"other-{source.Id()}");

        (await Server.Get($"/api/v1/ingest/events/{id}", other)).Expect(404);
        (await Server.Get($"/api/v1/ingest/events/{id}/body", other)).Expect(404);
        (await Server.Post($"/api/v1/ingest/events/{id}/verify", key: other)).Expect(404);
        (await Server.Get("/api/v1/ingest/events", other)).Items.ShouldBeEmpty();
        (await Server.Get($"/api/v1/ingest/events?q={id}", other)).Items.ShouldBeEmpty();
        (await Server.Get("/api/v1/ingest/events?q=secret", other)).Items.ShouldBeEmpty();
        (await Server.Get("/api/v1/ingest/events/evt_00000000000000000000000000")).Expect(404);
    }

    [Fact]
    public async Task A_kept_event_is_checked_again_by_the_secret_that_was_corrected()
    {
        var source = await Server.CreateSource(secret: "mistyped");
        (await Server.DeliverGitHub(source, "d-1")).Expect(401);
        var id = (await Server.Events(source))[0].GetProperty("eventId").GetString()!;

        var still = (await Server.Post($"/api/v1/ingest/events/{id}/verify", new { release = true })).Expect(200).Body;
        (still.GetProperty("verified").GetBoolean(), still.GetProperty("reason").GetString(), still.GetProperty("released").GetBoolean()).ShouldBe((false, "signature_mismatch", false));
        still.GetProperty("event").GetProperty("signatureStatus").GetString().ShouldBe("failed");

        (await Server.Patch($"/api/v1/ingest/sources/{source.Id()}", new { signingSecret = IngestClient.Secret })).Expect(200);
        var now = (await Server.Post($"/api/v1/ingest/events/{id}/verify")).Expect(200).Body;
        (now.GetProperty("verified").GetBoolean(), now.GetProperty("reason").GetString()).ShouldBe((true, "verified"));
        now.GetProperty("evidence").GetProperty("algorithm").GetString().ShouldBe("hmac-sha256");
        var shown = await Server.Event(id);
        (shown.GetProperty("signatureStatus").GetString(), shown.GetProperty("signatureCoverage").GetString(), shown.GetProperty("signatureError").GetString()).ShouldBe(("verified", "body", null));
        shown.TryGetProperty("signatureEvidence", out _).ShouldBeFalse();
        var counts = (await Server.Get($"/api/v1/ingest/sources/{source.Id()}")).Body.GetProperty("counts");
        (counts.GetProperty("events").GetInt32(), counts.GetProperty("verified").GetInt32(), counts.GetProperty("failed").GetInt32()).ShouldBe((1, 1, 0));
        (await Server.DeliverGitHub(source, "d-1")).Expect(200).Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue("the first one counts now");

        (await Server.Patch($"/api/v1/ingest/sources/{source.Id()}", new { signingSecret = "rotated" })).Expect(200);
        var later = (await Server.Post($"/api/v1/ingest/events/{id}/verify")).Expect(200).Body;
        later.GetProperty("verified").GetBoolean().ShouldBeFalse();
        later.GetProperty("event").GetProperty("signatureStatus").GetString().ShouldBe("verified", "a secret that is gone says nothing against it");
    }

    [Theory]
    [InlineData("figma", """{"event_type":"PING", "passcode":"s3cret\"x","webhook_id":"1","timestamp":"t"}""", """{"event_type":"PING", "passcode":"••••••","webhook_id":"1","timestamp":"t"}""")]
    [InlineData("figma", """{"event_type":"PING","passcode":"s3cr\u0065t\"x","webhook_id":"1"}""", "••••••")]
    [InlineData("microsoft-graph", """{"value":[{"clientState":"s3cret\"x","changeType":"updated"},{"changeType":"created","clientState":"s3cret\"x"}]}""",
        """{"value":[{"clientState":"••••••","changeType":"updated"},{"changeType":"created","clientState":"••••••"}]}""")]
    public async Task A_secret_in_a_body_is_shown_to_those_alone_who_may_change_the_source(string vendor, string body, string shown)
    {
        var source = await Server.CreateSource(vendor, secret: "s3cret\"x");
        (await Server.Deliver(source.Path(), System.Text.Encoding.UTF8.GetBytes(body))).Status.ShouldBeInRange(200, 202);
        var kept = (await Server.Events(source)).Single();
        kept.GetProperty("signatureStatus").GetString().ShouldBe("verified");
        var path = $"/api/v1/ingest/events/{kept.GetProperty("eventId").GetString()}";
        var viewer = await Server.CreateKey(["ingest:read"]);

        (await Server.Get(path, viewer)).Expect(200).Text("body").ShouldBe(shown);
        System.Text.Encoding.UTF8.GetString((await Server.Get(path + "/body", viewer)).Expect(200).Bytes).ShouldBe(shown);
        (await Server.Get(path)).Expect(200).Text("body").ShouldBe(body);
        System.Text.Encoding.UTF8.GetString((await Server.Get(path + "/body")).Expect(200).Bytes).ShouldBe(body);
    }

    [Fact]
    public async Task A_signature_with_a_time_is_checked_again_at_the_time_of_its_arrival()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.FromUnixTimeSeconds(1_795_384_805));
        await using var server = await TestServer.Start(clock: clock);
        var vector = Verification.VendorVectors.Find("stripe");
        var source = await server.CreateSource("stripe", secret: "wrong");
        (await server.Deliver(source.Path(), Convert.FromBase64String(vector.BodyBase64), null, null, [.. vector.Headers.Select(header => (header.Key, header.Value))])).Expect(401);
        var id = (await server.Events(source))[0].GetProperty("eventId").GetString()!;

        clock.Advance(TimeSpan.FromDays(3));
        (await server.Patch($"/api/v1/ingest/sources/{source.Id()}", new { signingSecret = vector.Secret })).Expect(200);

        (await server.Post($"/api/v1/ingest/events/{id}/verify")).Expect(200).Body.GetProperty("verified").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task Events_outlive_a_restart()
    {
        await using var server = await TestServer.Start();
        var source = await server.CreateSource("gitlab", secret: "t0ken");
        var id = (await server.Deliver(source.Path(), """{"object_kind":"push"}"""u8.ToArray(), headers: [("X-Gitlab-Token", "t0ken"), ("X-Gitlab-Event-UUID", "u-1")])).Expect(200).Text("eventId");

        await server.Restart();

        (await server.Event(id)).GetProperty("vendorEventId").GetString().ShouldBe("u-1");
        (await server.Post($"/api/v1/ingest/events/{id}/verify")).Expect(200).Body.GetProperty("verified").GetBoolean().ShouldBeTrue("its token was sealed, and is not lost");
        (await server.Deliver(source.Path(), """{"object_kind":"push"}"""u8.ToArray(), headers: [("X-Gitlab-Token", "t0ken"), ("X-Gitlab-Event-UUID", "u-1")]))
            .Expect(200).Body.GetProperty("duplicate").GetBoolean().ShouldBeTrue();
    }
}
