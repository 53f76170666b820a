using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Hookway.Deliveries;
using Hookway.Tests.Ingest.Verification;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Intake;

/// <summary>How vendors' checks of a URL are answered over HTTP, and what is fetched for them.</summary>
public sealed class HandshakesOverHttpTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_795_384_805);

    private TestServer Server => fixture.Server;

    [Fact]
    public async Task A_challenge_is_answered_and_is_no_event()
    {
        var source = await Server.CreateSource("dropbox", secret: "s");

        var answer = await Server.Deliver(source.Path() + "?challenge=abc", [], null, HttpMethod.Get);

        Encoding.UTF8.GetString(answer.Expect(200).Bytes).ShouldBe("abc");
        answer.ContentType.ShouldBe("text/plain");
        answer.Headers.GetValues("X-Content-Type-Options").ShouldBe(["nosniff"]);
        (await Server.Events(source)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Meta_proves_itself_by_the_last_part_of_the_url()
    {
        var source = await Server.CreateSource("meta", secret: "s");
        var token = source.Path().Split('/')[^1];

        var right = await Server.Deliver($"{source.Path()}?hub.mode=subscribe&hub.verify_token={token}&hub.challenge=77", [], null, HttpMethod.Get);
        var wrong = await Server.Deliver($"{source.Path()}?hub.mode=subscribe&hub.verify_token=x&hub.challenge=77", [], null, HttpMethod.Get);

        Encoding.UTF8.GetString(right.Expect(200).Bytes).ShouldBe("77");
        wrong.Expect(403).Bytes.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_HEAD_request_is_answered_without_a_body()
    {
        var source = await Server.CreateSource("trello", secret: "s");

        (await Server.Deliver(source.Path(), [], null, HttpMethod.Head)).Expect(200).Bytes.ShouldBeEmpty();
        (await Server.Events(source)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Asanas_secret_is_taken_over_once_and_its_events_are_verified_by_it()
    {
        var source = await Server.CreateSource("asana", secret: null);

        var handshake = (await Server.Deliver(source.Path(), "{}"u8.ToArray(), headers: ("X-Hook-Secret", "b537207f20cbfa02"))).Expect(200);
        handshake.Headers.GetValues("X-Hook-Secret").ShouldBe(["b537207f20cbfa02"]);
        (await Server.Get($"/api/v1/ingest/sources/{source.Id()}")).Body.GetProperty("hasSigningSecret").GetBoolean().ShouldBeTrue();
        (await Server.Get($"/api/v1/audit-log?object={source.Id()}")).Items[0].GetProperty("action").GetString().ShouldBe("source.secret_received");

        var body = """{"events":[{"action":"changed","resource":{"gid":"1","resource_type":"task"}}]}"""u8.ToArray();
        var signature = Convert.ToHexStringLower(HMACSHA256.HashData("b537207f20cbfa02"u8, body));
        (await Server.Deliver(source.Path(), body, headers: ("X-Hook-Signature", signature))).Expect(200);
        (await Server.Deliver(source.Path(), "{}"u8.ToArray(), headers: ("X-Hook-Secret", "b537207f20cbfa02"))).Expect(200);
        (await Server.Deliver(source.Path(), "{}"u8.ToArray(), headers: ("X-Hook-Secret", "attackers"))).Expect(401);
        (await Server.Events(source, "&signatureStatus=verified")).Length.ShouldBe(1);
    }

    [Fact]
    public async Task Notions_token_is_taken_over_and_can_be_read_in_the_ledger()
    {
        await using var receiver = await ReceiverStub.Start();
        var source = await Server.CreateSource("notion", secret: null);
        await Server.CreateDestination(source, receiver.Url);

        (await Server.Deliver(source.Path(), """{"verification_token":"secret_abc"}"""u8.ToArray())).Expect(200);

        var kept = (await Server.Events(source)).Single();
        var id = kept.GetProperty("eventId").GetString()!;
        (await Server.Event(id)).GetProperty("body").GetString()!.ShouldContain("secret_abc");
        var viewer = await Server.CreateKey(["ingest:read"]);
        (await Server.Get($"/api/v1/ingest/events/{id}", viewer)).Expect(200).Text("body").ShouldBe("""{"verification_token":"••••••"}""");
        (await Server.Get($"/api/v1/ingest/events/{id}/body", viewer)).Expect(200).Bytes.ShouldBe("""{"verification_token":"••••••"}"""u8.ToArray());
        kept.GetProperty("signatureStatus").GetString().ShouldBe("unchecked");
        var body = """{"id":"n1","type":"page.created","entity":{"id":"p1"}}"""u8.ToArray();
        (await Server.Deliver(source.Path(), body, headers: ("X-Notion-Signature", "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData("secret_abc"u8, body))))).Expect(200);
        (await receiver.WaitFor(1))[0].Body.ShouldBe(body, "the token is for nobody else");
        (await Server.Post($"/api/v1/ingest/events/{id}/replay")).Expect(202).Body.GetProperty("matched").GetInt32().ShouldBe(0);
    }

    [Fact]
    public async Task Vendors_that_want_an_answer_of_their_own_get_it()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(Now);
        await using var server = await TestServer.Start(clock: clock);
        (await Answer("twilio")).ShouldBe((200, "text/xml", "<Response/>"));
        (await Answer("adyen-payments")).ShouldBe((200, "text/plain", "[accepted]"));
        (await Answer("dropbox-sign")).ShouldBe((200, "text/plain", "Hello API Event Received"));
        (await Answer("xero")).ShouldBe((200, null, ""));
        (await Answer("slack")).ShouldBe((200, null, ""));
        (await Answer("microsoft-graph")).ShouldBe((202, null, ""));
        (await Answer("xero", "another")).ShouldBe((401, null, ""));
        (await Answer("gocardless", "another")).ShouldBe((498, null, ""));
        (await Answer("stripe", "another")).Item1.ShouldBe(401);

        async Task<(int, string?, string)> Answer(string vendor, string? secret = null)
        {
            var vector = VendorVectors.Find(vendor);
            var url = vector.Url.Split('?');
            var source = await server.CreateSource(vendor, new { publicUrl = url[0] }, secret ?? vector.Secret);
            var answer = await server.Deliver(
                source.Path() + (url.Length > 1 ? "?" + url[1] : ""), Convert.FromBase64String(vector.BodyBase64), null, null, [.. vector.Headers.Select(header => (header.Key, header.Value))]);
            return (answer.Status, answer.ContentType, Encoding.UTF8.GetString(answer.Bytes));
        }
    }

    [Fact]
    public async Task A_certificate_is_fetched_once_from_the_vendors_host_and_a_subscription_confirmed_there()
    {
        var asked = new ConcurrentQueue<Uri>();
        var vector = VendorVectors.Find("aws-sns");
        await using var server = await StartWithAws(asked, vector.Certificate!);
        var source = await server.CreateSource("aws-sns", secret: vector.Secret);
        Task<Answer> Send(string name) => server.Deliver(source.Path(), Convert.FromBase64String(VendorVectors.Find("aws-sns", name).BodyBase64), "text/plain; charset=UTF-8");

        (await Send("good-subscription")).Expect(200).Bytes.ShouldBeEmpty();
        (await Send("good")).Expect(200);
        (await Send("changed-body")).Expect(401);
        (await Send("other-topic")).Expect(401);

        asked.Select(url => url.AbsoluteUri).ShouldBe(
        [
            "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-fake.pem", "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37f",
        ]);
        (await server.Events(source)).Select(item => (item.GetProperty("type").GetString(), item.GetProperty("signatureStatus").GetString())).ShouldBe(
        [
            ("Notification", "failed"), ("Notification", "failed"), ("Notification", "verified"), ("SubscriptionConfirmation", "verified"),
        ]);
    }

    [Fact]
    public async Task A_subscription_that_cannot_be_confirmed_is_to_be_sent_again()
    {
        var asked = new ConcurrentQueue<Uri>();
        var vector = VendorVectors.Find("aws-sns", "good-subscription");
        await using var server = await StartWithAws(asked, vector.Certificate!, confirms: false);
        var source = await server.CreateSource("aws-sns", secret: vector.Secret);

        var answer = await server.Deliver(source.Path(), Convert.FromBase64String(vector.BodyBase64), "text/plain; charset=UTF-8");

        answer.ExpectCode(503, "unavailable").Headers.RetryAfter.ShouldNotBeNull();
        (await server.Events(source)).Length.ShouldBe(1);
    }

    [Theory]
    [InlineData("""{"verification_token":{},"id":"x","type":"page.created"}""")]
    [InlineData("""{"verification_token":"","id":"x","type":"page.created"}""")]
    [InlineData("""{"verification_token":"another","id":"x","type":"page.created"}""")]
    public async Task What_looks_like_a_handshake_and_brings_no_secret_that_the_source_takes_is_no_way_past_the_signature(string body)
    {
        await using var server = await TestServer.Start();
        var source = await server.CreateSource("notion", secret: "secret_known");

        (await server.Deliver(source.Path(), Encoding.UTF8.GetBytes(body))).ExpectCode(401, "signature_failed");

        (await server.Events(source)).Single().GetProperty("signatureStatus").GetString().ShouldBe("failed");
    }

    [Fact]
    public async Task Nothing_is_fetched_from_an_address_that_the_operator_has_not_allowed()
    {
        // The real sender: the vendor's name leads to this machine here, or nowhere.
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(Now);
        await using var server = await TestServer.Start(clock: clock, replace: services => services.AddSingleton<SendRequest>(provider => async (request, cancel) =>
            await provider.GetRequiredService<DeliverySender>().Send(request with { Url = new Uri("https://10.0.0.1/a.pem") }, cancel)));
        var vector = VendorVectors.Find("aws-sns");
        var source = await server.CreateSource("aws-sns", secret: vector.Secret);

        (await server.Deliver(source.Path(), Convert.FromBase64String(vector.BodyBase64), "text/plain")).ExpectCode(503, "unavailable");

        (await server.Events(source)).ShouldBeEmpty("it may be genuine, and comes again");
        var refused = (await server.Get($"/api/v1/ingest/sources/{source.Id()}/refused-requests")).Items.ShouldHaveSingleItem();
        (refused.GetProperty("status").GetInt32(), refused.GetProperty("code").GetString()).ShouldBe((503, "unavailable"));
    }

    /// <summary>A server whose clock is that of the vectors, with a stand-in for what only the internet has: AWS.</summary>
    private static Task<TestServer> StartWithAws(ConcurrentQueue<Uri> asked, string certificate, bool confirms = true) => TestServer.Start(
        clock: new Microsoft.Extensions.Time.Testing.FakeTimeProvider(Now),
        replace: services => services.AddSingleton<SendRequest>((request, _) =>
        {
            asked.Enqueue(request.Url);
            var isCertificate = request.Url.AbsolutePath.EndsWith(".pem", StringComparison.Ordinal);
            var succeeds = isCertificate || confirms;
            return Task.FromResult(new AttemptResult(
                succeeds ? AttemptOutcome.Succeeded : AttemptOutcome.HttpStatus, succeeds ? 200 : 500, [], isCertificate ? Encoding.ASCII.GetBytes(certificate) : "<ok/>"u8.ToArray(),
                TimeSpan.Zero, null, ResponseDirective.None, null));
        }));
}
