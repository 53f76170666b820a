using System.Security.Cryptography;
using System.Text;
using Hookway.Ingest.Verification;
using Hookway.Tests.Ingest.Verification;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Intake;

/// <summary>Requests of vendors as they arrive over HTTP.</summary>
public sealed class IntakeTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private TestServer Server => fixture.Server;

    [Fact]
    public async Task An_event_is_kept_byte_for_byte_and_can_be_read_back()
    {
        var source = await Server.CreateSource("custom", new { verification = new { algorithm = "token", header = "X-Token", eventIdPath = "id", eventTypePath = "type", entityKeyPath = "about", timePath = "at" } }, "t0ken");
        var body = Encoding.UTF8.GetBytes("{ \"id\":\"e1\",\r\n\t\"type\":\"a.b\", \"about\":7,\"at\":1700000000 ,\"x\":\"Zo\u00eb \\u2713\"}  ");

        var answer = (await Server.Deliver(source.Path() + "?a=1&b=%20&a=2", body, "application/json; charset=utf-8", HttpMethod.Put,
            ("X-Token", "t0ken"), ("X-Other", "Zo"), ("Cookie", "session=secret"))).Expect(200);
        var found = await Server.Event(answer.Text("eventId"));
        var raw = await Server.Get($"/api/v1/ingest/events/{answer.Text("eventId")}/body");

        answer.Body.GetProperty("duplicate").GetBoolean().ShouldBeFalse();
        raw.Expect(200).Bytes.ShouldBe(body);
        raw.ContentType.ShouldBe("application/octet-stream");
        raw.Headers.GetValues("X-Content-Type-Options").ShouldBe(["nosniff"]);
        (found.GetProperty("method").GetString(), found.GetProperty("path").GetString()).ShouldBe(("PUT", $"/ingest/{source.Id()}/••••••?a=1&b=%20&a=2"));
        (found.GetProperty("body").GetString(), found.GetProperty("bodyEncoding").GetString(), found.GetProperty("bodySize").GetInt32()).ShouldBe((Encoding.UTF8.GetString(body), "text", body.Length));
        (found.GetProperty("vendorEventId").GetString(), found.GetProperty("type").GetString(), found.GetProperty("entityKey").GetString(), found.GetProperty("vendor").GetString())
            .ShouldBe(("e1", "a.b", "7", "custom"));
        found.GetProperty("occurredAt").GetDateTimeOffset().ShouldBe(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000));
        (found.GetProperty("signatureStatus").GetString(), found.GetProperty("signatureCoverage").GetString(), found.GetProperty("signatureError").GetString()).ShouldBe(("verified", "none", null));
        (found.GetProperty("contentType").GetString(), found.GetProperty("sourceIp").GetString(), found.GetProperty("status").GetString())
            .ShouldBe(("application/json; charset=utf-8", "127.0.0.1", "skipped"));
        var headers = found.GetProperty("headers").EnumerateArray().Select(header => (header.GetProperty("name").GetString(), header.GetProperty("value").GetString())).ToList();
        headers.ShouldContain(("X-Other", "Zo"));
        headers.ShouldContain(("X-Token", "••••••"));
        headers.ShouldContain(("Cookie", "••••••"));
        found.ToString().ShouldNotContain("t0ken");
        found.ToString().ShouldNotContain(source.Path().Split('/')[^1]);
    }

    [Fact]
    public async Task Headers_that_come_twice_are_kept_twice_and_make_no_signature()
    {
        var source = await Server.CreateSource();
        var signature = "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(IngestClient.Secret), "{}"u8));

        var answer = await Raw(
            $"POST {source.Path()} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\nX-Hub-Signature-256: {signature}\r\nX-Hub-Signature-256: {signature}\r\n\r\n{{}}");

        answer.ShouldStartWith("HTTP/1.1 401 ");
        var kept = (await Server.Events(source)).Single();
        kept.GetProperty("signatureError").GetString().ShouldBe(VerdictReasons.SignatureRepeated);
        (await Server.Event(kept.GetProperty("eventId").GetString()!)).GetProperty("headers").EnumerateArray()
            .Count(header => header.GetProperty("name").GetString() == "X-Hub-Signature-256").ShouldBe(2);
    }

    [Fact]
    public async Task A_body_in_chunks_is_one_body_and_one_that_is_cut_off_is_none()
    {
        var source = await Server.CreateSource("custom", secret: null);

        (await Raw($"POST {source.Path()} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{\"\r\n5\r\na\":1}}\r\n0\r\n\r\n")).ShouldStartWith("HTTP/1.1 200 ");
        await Raw($"POST {source.Path()} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 50\r\n\r\n{{\"a\":2}}", isCutOff: true);

        var kept = (await Server.Events(source)).Single();
        (await Server.Event(kept.GetProperty("eventId").GetString()!)).GetProperty("body").GetString().ShouldBe("""{"a":1}""");
    }

    /// <summary>Sends these characters and no more, and reads until the server closes.</summary>
    private async Task<string> Raw(string request, bool isCutOff = false)
    {
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync(Server.Address.Host, Server.Address.Port, TestContext.Current.CancellationToken);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), TestContext.Current.CancellationToken);
        if (isCutOff)
        {
            client.Client.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        }
        using var reader = new StreamReader(stream);
        try
        {
            return await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
        }
        catch (IOException) when (isCutOff)
        {
            return "";
        }
    }

    [Fact]
    public async Task A_body_that_is_no_text_is_shown_in_base64()
    {
        var source = await Server.CreateSource("custom", secret: null);
        var body = Enumerable.Range(0, 256).Select(value => (byte)value).ToArray();

        var id = (await Server.Deliver(source.Path(), body, null)).Expect(200).Text("eventId");

        var found = await Server.Event(id);
        (found.GetProperty("bodyEncoding").GetString(), found.GetProperty("body").GetString()).ShouldBe(("base64", Convert.ToBase64String(body)));
        (await Server.Get($"/api/v1/ingest/events/{id}/body")).Bytes.ShouldBe(body);
        (found.GetProperty("signatureStatus").GetString(), found.GetProperty("signatureError").GetString()).ShouldBe(("unchecked", "not_signed"));
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("DELETE")]
    [InlineData("PATCH")]
    [InlineData("OPTIONS")]
    [InlineData("REPORT")]
    public async Task Any_method_is_taken(string method)
    {
        var source = await Server.CreateSource("custom", secret: null);

        (await Server.Deliver(source.Path(), [], null, new HttpMethod(method))).Expect(200);

        (await Server.Events(source))[0].GetProperty("method").GetString().ShouldBe(method);
    }

    [Fact]
    public async Task A_wrong_signature_is_401_and_kept_with_the_reason()
    {
        var source = await Server.CreateSource();

        (await Server.DeliverGitHub(source, "d-1", secret: "another")).ExpectCode(401, "signature_failed");
        (await Server.Deliver(source.Path(), "{}"u8.ToArray())).ExpectCode(401, "signature_failed");

        var failed = await Server.Events(source, "&signatureStatus=failed");
        failed.Select(item => item.GetProperty("signatureError").GetString()).ShouldBe([VerdictReasons.SignatureMissing, VerdictReasons.SignatureMismatch]);
        var shown = await Server.Event(failed[1].GetProperty("eventId").GetString()!);
        shown.GetProperty("signatureErrorDetail").GetString()!.ShouldContain("does not match");
        shown.GetProperty("signatureEvidence").GetProperty("algorithm").GetString().ShouldBe("hmac-sha256");
        shown.ToString().ShouldNotContain(IngestClient.Secret);
        (await Server.Events(source, "&signatureStatus=verified")).ShouldBeEmpty();
        var counts = (await Server.Get($"/api/v1/ingest/sources/{source.Id()}")).Body.GetProperty("counts");
        (counts.GetProperty("events").GetInt32(), counts.GetProperty("failed").GetInt32(), counts.GetProperty("verified").GetInt32()).ShouldBe((2, 2, 0));
    }

    [Fact]
    public async Task Who_has_no_token_cannot_tell_what_there_is()
    {
        var source = await Server.CreateSource();
        var archived = await Server.CreateSource();
        (await Server.Delete($"/api/v1/ingest/sources/{archived.Id()}")).Expect(200);

        var answers = new[]
        {
            await Server.Deliver($"/ingest/{source.Id()}/{new string('x', 32)}", "{}"u8.ToArray()),
            await Server.Deliver($"/ingest/{source.Id()}/x", "{}"u8.ToArray()),
            await Server.Deliver(archived.Path(), "{}"u8.ToArray()),
            await Server.Deliver($"/ingest/src_{new string('0', 26)}/{new string('x', 32)}", "{}"u8.ToArray()),
            await Server.Deliver($"/ingest/nothing/{new string('x', 32)}", "{}"u8.ToArray()),
        };

        answers.ShouldAllBe(answer => answer.Status == 404);
        answers.Select(answer => (answer.Text("code"), answer.Text("detail"))).Distinct().Count().ShouldBe(1);
        (await Server.Events(source)).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_the_largest_vendors_send_is_taken_and_forwarded_and_one_byte_more_is_not()
    {
        await using var receiver = await ReceiverStub.Start();
        var source = await Server.CreateSource("custom", secret: null);
        await Server.CreateDestination(source, receiver.Url);
        var body = new byte[25 * 1024 * 1024];
        new Random(1).NextBytes(body);

        var id = (await Server.Deliver(source.Path(), body, "application/octet-stream")).Expect(200).Text("eventId");
        (await Server.Deliver(source.Path(), [.. body, 0], "application/octet-stream")).ExpectCode(413, "payload_too_large");

        await Server.WaitForEvent(id, "succeeded");
        receiver.Requests.ShouldHaveSingleItem().Body.AsSpan().SequenceEqual(body).ShouldBeTrue();
        (await Server.Get($"/api/v1/ingest/sources/{source.Id()}")).Body.GetProperty("counts").GetProperty("refused").GetInt32().ShouldBe(1);
    }

    [Fact]
    public async Task Too_large_and_too_many_are_refused_counted_and_kept_with_the_reason()
    {
        await using var server = await TestServer.Start(new() { ["Hookway:Ingest:BodyBytes"] = "2048" });
        var source = await server.CreateSource("custom", new { rateLimitPerMinute = 3 }, secret: null);

        (await server.Deliver(source.Path(), new byte[2048], null)).Expect(200);
        (await server.Deliver(source.Path(), new byte[2049], null)).ExpectCode(413, "payload_too_large");
        (await server.Deliver(source.Path(), [], null)).Expect(200);
        var limited = (await server.Deliver(source.Path(), [], null)).ExpectCode(429, "rate_limited");

        limited.Headers.RetryAfter!.Delta!.Value.TotalSeconds.ShouldBeInRange(1, 60);
        var refused = (await server.Get($"/api/v1/ingest/sources/{source.Id()}/refused-requests")).Expect(200);
        refused.Items.Select(item => item.GetProperty("code").GetString()).ShouldBe(["rate_limited", "payload_too_large"]);
        refused.Body.GetProperty("total").GetInt32().ShouldBe(2);
        (await server.Events(source)).Length.ShouldBe(2);
        (await server.Get($"/api/v1/ingest/sources/{source.Id()}")).Body.GetProperty("counts").GetProperty("refused").GetInt32().ShouldBe(2);
    }

    [Fact]
    public async Task A_disabled_source_keeps_and_answers_200()
    {
        var source = await Server.CreateSource();
        (await Server.Patch($"/api/v1/ingest/sources/{source.Id()}", new { enabled = false })).Expect(200);

        (await Server.DeliverGitHub(source, "d-1")).Expect(200);

        (await Server.Events(source)).Length.ShouldBe(1);
    }

    [Fact]
    public async Task A_changed_secret_counts_for_the_next_request()
    {
        var source = await Server.CreateSource();
        (await Server.DeliverGitHub(source, "d-1")).Expect(200);

        (await Server.Patch($"/api/v1/ingest/sources/{source.Id()}", new { signingSecret = new[] { "new", IngestClient.Secret } })).Expect(200);
        (await Server.DeliverGitHub(source, "d-2", secret: "new")).Expect(200);
        (await Server.DeliverGitHub(source, "d-3")).Expect(200);
        (await Server.Patch($"/api/v1/ingest/sources/{source.Id()}", new { signingSecret = "new" })).Expect(200);
        (await Server.DeliverGitHub(source, "d-4")).Expect(401);
    }

    [Fact]
    public async Task Every_vendors_genuine_request_is_taken_over_http_and_forwarded_as_it_came()
    {
        await using var receiver = await ReceiverStub.Start();
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.FromUnixTimeSeconds(1_795_384_805));
        await using var server = await TestServer.Start(clock: clock);
        foreach (var vector in VendorVectors.Good.Where(vector => vector.Certificate is null))
        {
            var url = vector.Url.Split('?');
            var source = await server.CreateSource(vector.Vendor, new { publicUrl = url[0] }, vector.Secret.Length == 0 ? null : vector.Secret);
            await server.CreateDestination(source, receiver.Url);
            var answer = await server.Deliver(
                source.Path() + (url.Length > 1 ? "?" + url[1] : ""), Convert.FromBase64String(vector.BodyBase64), null, new HttpMethod(vector.Method),
                [.. vector.Headers.Select(header => (header.Key, header.Value))]);

            answer.Status.ShouldBeInRange(200, 299, $"{vector}: {Encoding.UTF8.GetString(answer.Bytes)}");
            var kept = (await server.Events(source)).Single();
            kept.GetProperty("signatureStatus").GetString().ShouldBe(vector.Expect, vector.Vendor);
            var facts = EventFacts.Of(vector.Preset, vector.Request);
            (kept.GetProperty("vendorEventId").GetString(), kept.GetProperty("type").GetString(), kept.GetProperty("entityKey").GetString())
                .ShouldBe((facts.VendorEventId, facts.Type, facts.EntityKey), vector.Vendor);
            await Forwarded(server, receiver, vector, kept.GetProperty("eventId").GetString()!);
            var verify = (await server.Post($"/api/v1/ingest/events/{kept.GetProperty("eventId").GetString()}/verify")).Expect(200).Body;
            verify.GetProperty("verified").GetBoolean().ShouldBe(vector.Expected is SignatureStatus.Verified, $"{vector} from storage: {verify}");
        }
    }

    private static async Task Forwarded(TestServer server, ReceiverStub receiver, VendorVector vector, string eventId)
    {
        await server.WaitForEvent(eventId, "succeeded");
        var got = receiver.Requests.Single(request => request.Headers["hookway-event-id"] == eventId);
        got.Method.ShouldBe(vector.Method);
        got.Body.ShouldBe(Convert.FromBase64String(vector.BodyBase64), $"{vector}");
        foreach (var (name, value) in vector.Headers)
        {
            got.Headers[name].ShouldBe(value, $"{vector}: {name}");
        }
    }

    [Fact]
    public async Task A_thousand_wrong_ones_are_kept_and_the_older_go()
    {
        var source = await Server.CreateSource();
        (await Server.DeliverGitHub(source, "genuine")).Expect(200);

        await Parallel.ForEachAsync(Enumerable.Range(0, 1_030), new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (i, _) =>
            (await Server.DeliverGitHub(source, $"d-{i}", secret: "wrong")).Expect(401));

        var store = Server.Services.GetRequiredService<Hookway.Storage.Database>();
        var failed = await store.Read(connection => Dapper.SqlMapper.ExecuteScalarAsync<long>(
            connection, "SELECT count(*) FROM events e JOIN sources s ON s.no = e.source_no WHERE s.id = @id AND e.signature_status = 2", new { id = source.Id() }));
        failed.ShouldBe(1_000);
        (await Server.Events(source, "&signatureStatus=verified")).Length.ShouldBe(1);
        (await Server.Get($"/api/v1/ingest/sources/{source.Id()}")).Body.GetProperty("counts").GetProperty("failed").GetInt32().ShouldBe(1_030);
    }
}
