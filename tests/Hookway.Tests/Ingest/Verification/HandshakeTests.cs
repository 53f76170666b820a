using System.Text;
using Hookway.Ingest.Verification;

namespace Hookway.Tests.Ingest.Verification;

/// <summary>Requests by which vendors check a URL: what they are answered with, and when not.</summary>
public class HandshakeTests
{
    private const string Token = "3q2fake0token";

    public static TheoryData<string, string, string, string, string, int, string> Cases => new()
    {
        // vendor, method, query, header, body → status, body
        { "dropbox", "GET", "?challenge=abc-1", "", "", 200, "abc-1" },
        { "meta", "GET", $"?hub.mode=subscribe&hub.verify_token={Token}&hub.challenge=1158201444", "", "", 200, "1158201444" },
        { "meta", "GET", "?hub.mode=subscribe&hub.verify_token=other&hub.challenge=1", "", "", 403, "" },
        { "meta-whatsapp", "GET", $"?hub.mode=subscribe&hub.verify_token={Token}&hub.challenge=x", "", "", 200, "x" },
        { "microsoft-graph", "POST", "?validationToken=Validation%3A+Testing%20client", "", "", 200, "Validation: Testing client" },
        { "okta", "GET", "", "X-Okta-Verification-Challenge: abc", "", 200, """{"verification":"abc"}""" },
        { "monday", "POST", "", "", """{"challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}""", 200, """{"challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}""" },
        { "asana", "POST", "", "X-Hook-Secret: b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81", "", 200, "" },
        { "notion", "POST", "", "", """{"verification_token":"secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"}""", 200, "" },
        { "trello", "HEAD", "", "", "", 200, "" },
        { "intercom", "HEAD", "", "", "", 200, "" },
        { "mandrill", "HEAD", "", "", "", 200, "" },
        { "woocommerce", "POST", "", "Content-Type: application/x-www-form-urlencoded", "webhook_id=14", 200, "" },
        { "slack", "POST", "", "Content-Type: application/x-www-form-urlencoded", "ssl_check=1&token=x", 200, "" },
        // As Braintree's own library answers it.
        { "braintree", "GET", "?bt_challenge=20f9f8ed05f77439fe955c977e4c8a53", "", "", 200, "fakepublic|c1d8ebd81c54cdb494b5da9cbf80fc6ff30d55bd" },
        // As Smartcar's own library answers it.
        { "smartcar", "POST", "", "", """{"eventName":"verify","payload":{"challenge":"abc"}}""", 200, """{"challenge":"e1ec0382d33e758a849ac3c9083d31de54fa88720d7f0dfc84e948ca9eb077ae"}""" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_vendor_gets_the_answer_that_it_expects(string vendor, string method, string query, string header, string body, int status, string answer)
    {
        var outcome = Ask(vendor, method, query, header, body, Secret(vendor))!;

        outcome.Answer.Status.ShouldBe(status);
        Encoding.UTF8.GetString(outcome.Answer.Body).ShouldBe(answer);
        (outcome.Answer.ContentType is null).ShouldBe(answer.Length == 0);
    }

    [Theory]
    [InlineData("slack", "url-verification", "text/plain")]
    [InlineData("zoom", "url-validation", "application/json")]
    [InlineData("discord", "ping", "application/json")]
    public void A_signed_handshake_is_answered_only_when_its_signature_is_right(string vendor, string name, string contentType)
    {
        var vector = VendorVectors.Find(vendor, name);
        var outcome = Handshake.Find(vector.Preset, vector.Request, vector.Verify(vector.Request), [vector.Secret], Token)!;

        (outcome.Answer.Status, outcome.Answer.ContentType, outcome.IsEvent).ShouldBe((200, contentType, false));
        var forged = vector.With([.. vector.Headers.Where(header => header.Key == "Content-Type")]);
        Handshake.Find(vector.Preset, forged, vector.Verify(forged), [vector.Secret], Token).ShouldBeNull();
    }

    [Fact]
    public void Zoom_gets_its_token_signed()
    {
        var vector = VendorVectors.Find("zoom", "url-validation");
        var plain = vector.Request.Json.GetProperty("payload").GetProperty("plainToken").GetString()!;
        var expected = Convert.ToHexStringLower(System.Security.Cryptography.HMACSHA256.HashData(Encoding.UTF8.GetBytes(vector.Secret), Encoding.UTF8.GetBytes(plain)));
        var secrets = new[] { "an old secret", vector.Secret };
        var verdict = new Verifier(vector.Preset.Scheme, secrets).Verify(vector.Request);

        var outcome = Handshake.Find(vector.Preset, vector.Request, verdict, secrets, Token)!;

        Encoding.UTF8.GetString(outcome.Answer.Body).ShouldBe($$"""{"plainToken":"{{plain}}","encryptedToken":"{{expected}}"}""");
    }

    [Fact]
    public void Twitch_gets_its_challenge_back()
    {
        const string body = """{"challenge":"pogchamp-kappa-360noscope-vohiyo","subscription":{"type":"stream.online"}}""";
        const string at = "2026-11-22T22:00:05Z";
        var signature = Convert.ToHexStringLower(System.Security.Cryptography.HMACSHA256.HashData("s3cret-of-twitch"u8, Encoding.UTF8.GetBytes($"id1{at}{body}")));
        var request = new VendorRequest("POST", "https://gateway.example.test/in",
        [
            new("Twitch-Eventsub-Message-Id", "id1"), new("Twitch-Eventsub-Message-Timestamp", at), new("Twitch-Eventsub-Message-Signature", "sha256=" + signature),
            new("Twitch-Eventsub-Message-Type", "webhook_callback_verification"),
        ], Encoding.UTF8.GetBytes(body), DateTimeOffset.Parse(at, System.Globalization.CultureInfo.InvariantCulture));
        var preset = VendorCatalog.Find("twitch")!;

        var outcome = Handshake.Find(preset, request, new Verifier(preset.Scheme, ["s3cret-of-twitch"]).Verify(request), ["s3cret-of-twitch"], Token)!;

        Encoding.UTF8.GetString(outcome.Answer.Body).ShouldBe("pogchamp-kappa-360noscope-vohiyo");
    }

    [Fact]
    public void A_secret_that_a_vendor_brings_is_offered_and_sent_back()
    {
        var asana = Ask("asana", "POST", "", "X-Hook-Secret: b537207f20cbfa02357cf448134da559", "", [])!;
        var notion = Ask("notion", "POST", "", "", """{"verification_token":"secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"}""", [])!;

        asana.OfferedSecret.ShouldBe("b537207f20cbfa02357cf448134da559");
        asana.Answer.Headers.ShouldBe([new("X-Hook-Secret", "b537207f20cbfa02357cf448134da559")]);
        (notion.OfferedSecret, notion.IsEvent).ShouldBe(("secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl", true));
    }

    [Fact]
    public void A_subscription_to_a_topic_is_confirmed_at_aws_alone_and_only_when_genuine()
    {
        var vector = VendorVectors.Find("aws-sns", "good-subscription");
        var verdict = vector.Verify(vector.Request);
        HandshakeOutcome? Find(VendorRequest request, Verdict judged) => Handshake.Find(vector.Preset, request, judged, [vector.Secret], Token);

        var outcome = Find(vector.Request, verdict)!;
        (outcome.IsEvent, outcome.Visit!.Host).ShouldBe((true, "sns.us-east-1.amazonaws.com"));

        var elsewhere = vector.With(body: Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(vector.Request.Body.Span)
            .Replace("https://sns.us-east-1.amazonaws.com/?Action=Confirm", "https://evil.example/?Action=Confirm", StringComparison.Ordinal)));
        Find(elsewhere, verdict)!.Visit.ShouldBeNull();
        Find(vector.Request, Verdict.Unchecked("no_secret", ""))!.Visit.ShouldBeNull();
        Find(elsewhere, vector.Verify(elsewhere)).ShouldBeNull("its signature is wrong");
    }

    [Theory]
    [InlineData("smartcar", """{"eventName":"verify","payload":{"challenge":"{\"eventId\":\"forged\"}"}}""")]
    [InlineData("smartcar", """{"eventName":"verify","payload":{"challenge":"a.b"}}""")]
    [InlineData("smartcar", """{"eventName":"verify","payload":{"challenge":""}}""")]
    public void Nothing_is_signed_that_could_be_a_forged_event(string vendor, string body) => Ask(vendor, "POST", "", "", body, Secret(vendor)).ShouldBeNull();

    [Theory]
    [InlineData("?challenge=%3Cscript%3E%0A")]
    [InlineData("?challenge=a%00b")]
    [InlineData("?challenge=%E2%9C%93")]
    [InlineData("?challenge=")]
    public void Nothing_is_sent_back_but_plain_text(string query)
    {
        var outcome = Ask("dropbox", "GET", query, "", "", []);

        (outcome is null || outcome.Answer.Body.Length == 0).ShouldBeTrue();
        Ask("dropbox", "GET", "?challenge=" + new string('a', 5000), "", "", []).ShouldBeNull();
    }

    [Fact]
    public void What_is_sent_back_in_json_cannot_break_out_of_it()
    {
        var answer = Encoding.UTF8.GetString(Ask("monday", "POST", "", "", """{"challenge":"\",\"x\":\"</script>"}""", [])!.Answer.Body);

        answer.ShouldNotContain("</script>");
        System.Text.Json.JsonDocument.Parse(answer).RootElement.EnumerateObject().Select(member => member.Name).ShouldBe(["challenge"]);
    }

    [Fact]
    public void An_event_is_no_handshake()
    {
        foreach (var vector in VendorVectors.Good)
        {
            Handshake.Find(vector.Preset, vector.Request, vector.Verify(vector.Request), [vector.Secret], Token).ShouldBeNull(vector.Vendor);
        }
    }

    private static string[] Secret(string vendor) => vendor switch
    {
        "braintree" => ["fakepublic|fakeprivate"],
        "smartcar" => ["fake-smartcar-amt"],
        _ => ["a secret"],
    };

    private static HandshakeOutcome? Ask(string vendor, string method, string query, string header, string body, string[] secrets)
    {
        var preset = VendorCatalog.Find(vendor)!;
        var headers = header.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(": ")).Select(pair => KeyValuePair.Create(pair[0], pair[1])).ToList();
        var request = new VendorRequest(method, "https://gateway.example.test/in/x" + query, headers, Encoding.UTF8.GetBytes(body), DateTimeOffset.UnixEpoch);
        return Handshake.Find(preset, request, new Verifier(preset.Scheme, secrets).Verify(request), secrets, Token);
    }
}
