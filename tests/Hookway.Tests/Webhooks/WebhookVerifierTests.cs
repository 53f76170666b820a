using System.Globalization;
using CsCheck;
using Hookway.Webhooks;
using Microsoft.Extensions.Time.Testing;

namespace Hookway.Tests.Webhooks;

public class WebhookVerifierTests
{
    private const string Id = "msg_1";
    private const string Timestamp = "1700000000";

    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);
    private static readonly WebhookSecret Hmac = WebhookSecret.Parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    private static readonly WebhookSecret OtherHmac = WebhookSecret.Generate(SignatureScheme.HmacSha256);
    private static readonly WebhookSecret Ed25519 = WebhookSecret.Generate(SignatureScheme.Ed25519);
    private static readonly byte[] Body = """{"type":"invoice.paid"}"""u8.ToArray();

    public static TheoryData<StandardWebhooksVector> Vectors => [.. StandardWebhooksVectors.All];

    public static TheoryData<string> Decoys => [.. StandardWebhooksVectors.Decoys];

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Every_vector_verifies_at_its_time(StandardWebhooksVector vector) =>
        Verifier(vector.SignedAt, WebhookSecret.Parse(vector.VerifyWith))
            .Verify(vector.Id, vector.Timestamp.ToString(CultureInfo.InvariantCulture), vector.Signature, vector.Body)
            .ShouldBe(WebhookVerification.Verified);

    [Theory]
    [MemberData(nameof(Decoys))]
    public void No_decoy_verifies_for_any_vector(string decoy)
    {
        foreach (var vector in StandardWebhooksVectors.All)
        {
            var verifier = Verifier(vector.SignedAt, WebhookSecret.Parse(vector.VerifyWith));
            var timestamp = vector.Timestamp.ToString(CultureInfo.InvariantCulture);

            verifier.Verify(vector.Id, timestamp, decoy, vector.Body).IsVerified.ShouldBeFalse();
            verifier.Verify(vector.Id, timestamp, $"{decoy} {vector.Signature}", vector.Body).IsVerified.ShouldBeTrue();
        }
    }

    [Fact]
    public void A_changed_body_id_timestamp_or_secret_is_refused()
    {
        var signature = WebhookSignature.Sign([Hmac, Ed25519], Id, Now, Body);
        var verifier = Verifier(Now, Hmac, Ed25519);

        verifier.Verify(Id, Timestamp, signature, Body).ShouldBe(WebhookVerification.Verified);
        verifier.Verify(Id, Timestamp, signature, [.. Body, (byte)'\n']).ShouldBe(WebhookVerification.NoMatchingSignature);
        verifier.Verify("msg_2", Timestamp, signature, Body).ShouldBe(WebhookVerification.NoMatchingSignature);
        verifier.Verify(Id, "1700000001", signature, Body).ShouldBe(WebhookVerification.NoMatchingSignature);
        Verifier(Now, OtherHmac).Verify(Id, Timestamp, signature, Body).ShouldBe(WebhookVerification.NoMatchingSignature);
    }

    [Theory]
    [InlineData(-301, WebhookVerification.TooNew)]
    [InlineData(-300, WebhookVerification.Verified)]
    [InlineData(0, WebhookVerification.Verified)]
    [InlineData(300, WebhookVerification.Verified)]
    [InlineData(301, WebhookVerification.TooOld)]
    public void A_message_is_good_for_five_minutes_in_both_directions(int age, WebhookVerification expected) =>
        Verifier(Now.AddSeconds(age), Hmac).Verify(Id, Timestamp, Sign(Hmac), Body).ShouldBe(expected);

    [Fact]
    public void The_tolerance_can_be_set()
    {
        var clock = new FakeTimeProvider(Now.AddSeconds(11));

        Verify(TimeSpan.FromSeconds(10)).ShouldBe(WebhookVerification.TooOld);
        Verify(TimeSpan.FromSeconds(11)).ShouldBe(WebhookVerification.Verified);
        Verify(TimeSpan.MaxValue).ShouldBe(WebhookVerification.Verified);
        Should.Throw<ArgumentOutOfRangeException>(() => Verify(TimeSpan.FromSeconds(-1)));

        WebhookVerification Verify(TimeSpan tolerance) =>
            new WebhookVerifier([Hmac], clock, tolerance).Verify(Id, Timestamp, Sign(Hmac), Body);
    }

    [Theory]
    [InlineData("+1700000000")]
    [InlineData("-1700000000")]
    [InlineData(" 1700000000")]
    [InlineData("1700000000 ")]
    [InlineData("1700000000\0")]
    [InlineData("1700000000.0")]
    [InlineData("1,700,000,000")]
    [InlineData("1.7e9")]
    [InlineData("0x6553f100")]
    [InlineData("١٧٠٠٠٠٠٠٠٠")]
    [InlineData("9223372036854775808")]
    [InlineData("99999999999999999999999999")]
    [InlineData("2023-11-14T22:13:20Z")]
    public void A_timestamp_that_is_not_a_whole_number_of_seconds_is_invalid(string timestamp) =>
        Verifier(Now, Hmac).Verify(Id, timestamp, Sign(Hmac), Body).ShouldBe(WebhookVerification.InvalidTimestamp);

    [Theory]
    [InlineData("9223372036854775807", WebhookVerification.TooNew)]
    [InlineData("253402300800", WebhookVerification.TooNew)]
    [InlineData("1700000000000", WebhookVerification.TooNew)]
    [InlineData("0", WebhookVerification.TooOld)]
    public void The_far_ends_of_time_are_refused_without_overflow(string timestamp, WebhookVerification expected) =>
        Verifier(Now, Hmac).Verify(Id, timestamp, Sign(Hmac), Body).ShouldBe(expected);

    [Theory]
    [InlineData(null, Timestamp, "v1,x")]
    [InlineData("", Timestamp, "v1,x")]
    [InlineData(Id, null, "v1,x")]
    [InlineData(Id, "", "v1,x")]
    [InlineData(Id, Timestamp, null)]
    [InlineData(Id, Timestamp, "")]
    public void A_message_without_one_of_the_headers_is_refused(string? id, string? timestamp, string? signatures) =>
        Verifier(Now, Hmac).Verify(id, timestamp, signatures, Body).ShouldBe(WebhookVerification.MissingHeader);

    [Theory]
    [InlineData(" ")]
    [InlineData("v1")]
    [InlineData("v1,")]
    [InlineData(",AAAA")]
    [InlineData("v1,not base64!")]
    [InlineData("v1,AAAA")]
    [InlineData("v1a,AAAA v1,, ,")]
    [InlineData("v1=w9hHmpilBM+ZH5TWiqTF2V+zZhky2nrY7iwP4o0rZI0=")]
    [InlineData("w9hHmpilBM+ZH5TWiqTF2V+zZhky2nrY7iwP4o0rZI0=")]
    public void A_header_without_one_well_formed_signature_is_malformed(string signatures) =>
        Verifier(Now, Hmac, Ed25519).Verify(Id, Timestamp, signatures, Body)
            .ShouldBe(WebhookVerification.MalformedSignature);

    [Theory]
    [InlineData("v2,AAAA")]
    [InlineData("V1,w9hHmpilBM+ZH5TWiqTF2V+zZhky2nrY7iwP4o0rZI0=")]
    [InlineData("v1,w9hHmpilBM+ZH5TWiqTF2V+zZhky2nrY7iwP4o0rZI0=")]
    public void A_signature_of_another_version_or_secret_does_not_match(string signatures) =>
        Verifier(Now, Hmac, Ed25519).Verify(Id, Timestamp, signatures, Body)
            .ShouldBe(WebhookVerification.NoMatchingSignature);

    [Fact]
    public void One_right_signature_among_others_is_enough()
    {
        var right = Sign(Hmac);

        foreach (var signatures in new[] { $"v2,AAAA {right}", $"v1,% {right}", $"{Sign(OtherHmac)}  {right} ", $"{Sign(Ed25519)} {right}" })
        {
            Verifier(Now, Hmac).Verify(Id, Timestamp, signatures, Body).ShouldBe(WebhookVerification.Verified, signatures);
        }
    }

    [Fact]
    public void While_a_secret_rotates_old_and_new_verify_on_either_side()
    {
        Verifier(Now, Hmac, OtherHmac).Verify(Id, Timestamp, Sign(Hmac), Body).IsVerified.ShouldBeTrue();
        Verifier(Now, Hmac, OtherHmac).Verify(Id, Timestamp, Sign(OtherHmac), Body).IsVerified.ShouldBeTrue();

        var both = WebhookSignature.Sign([Hmac, OtherHmac], Id, Now, Body);
        Verifier(Now, Hmac).Verify(Id, Timestamp, both, Body).IsVerified.ShouldBeTrue();
        Verifier(Now, OtherHmac).Verify(Id, Timestamp, both, Body).IsVerified.ShouldBeTrue();
    }

    [Fact]
    public void A_public_key_verifies_what_its_signing_key_signed() =>
        Verifier(Now, WebhookSecret.Parse(Ed25519.PublicKey!)).Verify(Id, Timestamp, Sign(Ed25519), Body)
            .ShouldBe(WebhookVerification.Verified);

    [Fact]
    public void A_signature_under_the_version_of_the_other_scheme_does_not_match()
    {
        Verifier(Now, Hmac, Ed25519).Verify(Id, Timestamp, "v1a" + Sign(Hmac)[2..], Body).IsVerified.ShouldBeFalse();
        Verifier(Now, Hmac, Ed25519).Verify(Id, Timestamp, "v1" + Sign(Ed25519)[3..], Body).IsVerified.ShouldBeFalse();
    }

    [Fact]
    public void At_most_32_signatures_are_examined()
    {
        Verify(31).ShouldBe(WebhookVerification.Verified);
        Verify(32).ShouldBe(WebhookVerification.NoMatchingSignature);

        WebhookVerification Verify(int decoys) =>
            Verifier(Now, Hmac).Verify(Id, Timestamp,
                string.Join(' ', Enumerable.Repeat(Sign(OtherHmac), decoys).Append(Sign(Hmac))), Body);
    }

    [Fact]
    public void Headers_that_are_too_long_are_refused_unread()
    {
        Verifier(Now, Hmac).Verify(new string('x', 257), Timestamp, Sign(Hmac), Body).ShouldBe(WebhookVerification.InvalidId);
        Verifier(Now, Hmac).Verify(Id, Timestamp, Sign(Hmac) + new string(' ', 8192), Body)
            .ShouldBe(WebhookVerification.MalformedSignature);
    }

    [Fact]
    public void The_headers_may_come_from_a_lookup()
    {
        var request = new Microsoft.AspNetCore.Http.DefaultHttpContext().Request;
        request.Headers["Webhook-Id"] = Id;
        request.Headers["Webhook-Timestamp"] = Timestamp;
        var verifier = Verifier(Now, Hmac);

        verifier.Verify(name => request.Headers[name], Body).ShouldBe(WebhookVerification.MissingHeader);
        request.Headers["Webhook-Signature"] = Sign(Hmac);
        verifier.Verify(name => request.Headers[name], Body).ShouldBe(WebhookVerification.Verified);
    }

    [Fact]
    public void A_verifier_needs_secrets() =>
        Should.Throw<ArgumentException>(() => new WebhookVerifier([]));

    [Fact]
    public void Every_verdict_has_a_sentence_and_only_one_is_verified()
    {
        Enum.GetValues<WebhookVerification>().Select(verdict => verdict.Reason).ShouldBeUnique();
        Enum.GetValues<WebhookVerification>().Where(verdict => verdict.IsVerified).ShouldBe([WebhookVerification.Verified]);
        default(WebhookVerification).IsVerified.ShouldBeFalse();
    }

    [Fact]
    public void What_was_signed_verifies_and_any_single_flipped_bit_is_refused() =>
        Gen.Select(Gen.Bool, Gen.Byte.Array[0, 3000], Gen.Int[0, int.MaxValue]).Sample((ed25519, body, where) =>
        {
            var secret = ed25519 ? Ed25519 : Hmac;
            var version = ed25519 ? "v1a," : "v1,";
            var header = WebhookSignature.Sign(secret, Id, Now, body);
            var signature = Convert.FromBase64String(header[version.Length..]);
            var verifier = Verifier(Now, secret);
            verifier.Verify(Id, Timestamp, header, body).ShouldBe(WebhookVerification.Verified);

            var bit = where % ((body.Length + signature.Length) * 8);
            var (bytes, at) = bit < body.Length * 8 ? (body, bit) : (signature, bit - (body.Length * 8));
            bytes[at / 8] ^= (byte)(1 << (at % 8));
            verifier.Verify(Id, Timestamp, version + Convert.ToBase64String(signature), body)
                .ShouldBe(WebhookVerification.NoMatchingSignature);
            bytes[at / 8] ^= (byte)(1 << (at % 8));
        }, iter: 2_000);

    [Fact]
    public void Garbage_in_the_headers_never_throws_and_never_verifies()
    {
        var verifier = Verifier(Now, Hmac, Ed25519);
        string[] pieces = ["v1", "v1a", "v2", ",", " ", "=", "AAAA", "\t", "\0", "\ud800", "é", Timestamp];
        var text = Gen.OneOf(
            Gen.String,
            Gen.Int[0, pieces.Length - 1].Select(n => pieces[n]).Array[0, 40].Select(string.Concat));

        Gen.Select(text, Gen.OneOf(Gen.Const(Timestamp), text), text).Sample((id, timestamp, signatures) =>
            !verifier.Verify(id, timestamp, signatures, Body).IsVerified, iter: 20_000);
    }

    [Fact]
    public void Many_threads_share_one_verifier()
    {
        var verifier = Verifier(Now, Hmac, Ed25519);

        Parallel.For(0, 2_000, n =>
        {
            var body = BitConverter.GetBytes(n);
            var signature = WebhookSignature.Sign(n % 2 == 0 ? Hmac : Ed25519, Id, Now, body);
            verifier.Verify(Id, Timestamp, signature, body).ShouldBe(WebhookVerification.Verified);
        });
    }

    private static WebhookVerifier Verifier(DateTimeOffset now, params WebhookSecret[] secrets) =>
        new(secrets, new FakeTimeProvider(now));

    private static string Sign(WebhookSecret secret) => WebhookSignature.Sign(secret, Id, Now, Body);
}
