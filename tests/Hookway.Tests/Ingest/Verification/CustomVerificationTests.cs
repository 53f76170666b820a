using System.Security.Cryptography;
using System.Text;
using Hookway.Api;
using Hookway.Ingest.Verification;
using NSec.Cryptography;

namespace Hookway.Tests.Ingest.Verification;

/// <summary>Sources whose senders sign in a way of their own.</summary>
public class CustomVerificationTests
{
    private const string Secret = "a shared secret";
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);
    private static readonly byte[] Body = """{"event":{"id":"e-1","kind":"order.paid"},"order":42,"at":"2023-11-14T22:13:00Z"}"""u8.ToArray();
    private static readonly byte[] Key = Encoding.UTF8.GetBytes(Secret);

    public static TheoryData<CustomVerification, string> Mistakes => new()
    {
        { new("md5", "X-Signature"), "algorithm" },
        { new(null, "X-Signature"), "algorithm" },
        { new("hmac-sha256"), "header" },
        { new("token", "X Token"), "header" },
        { new("token", "X-*"), "header" },
        { new("hmac-sha256", "X-Signature", "base32"), "encoding" },
        { new("hmac-sha256", "X-Signature", Prefix: ""), "prefix" },
        { new("hmac-sha256", "X-Signature", ContentTemplate: ""), "contentTemplate" },
        { new("hmac-sha256", "X-Signature", ContentTemplate: "{body"), "contentTemplate" },
        { new("hmac-sha256", "X-Signature", ContentTemplate: "body}"), "contentTemplate" },
        { new("hmac-sha256", "X-Signature", ContentTemplate: "[{body}"), "contentTemplate" },
        { new("hmac-sha256", "X-Signature", ContentTemplate: "{secret}{body}"), "contentTemplate" },
        { new("hmac-sha256", "X-Signature", ContentTemplate: "{nothing}"), "contentTemplate" },
        { new("token", "X-Token", ContentTemplate: "{body}"), "contentTemplate" },
        { new("hmac-sha256", "X-Signature", ContentTemplate: "{timestamp}.{body}"), "timestampHeader" },
        { new("hmac-sha256", "X-Signature", TimestampHeader: "X-Time"), "timestampHeader" },
        { new("hmac-sha256", "X-Signature", ContentTemplate: "{timestamp}", TimestampHeader: "part:t="), "timestampHeader" },
        { new("token", "X-Token", TimestampHeader: "X-Time"), "timestampHeader" },
        { new("hmac-sha256", "X-Signature", ToleranceSeconds: 60), "toleranceSeconds" },
        { new("hmac-sha256", "X-Signature", ContentTemplate: "{timestamp}", TimestampHeader: "X-Time", ToleranceSeconds: 0), "toleranceSeconds" },
        { new("hmac-sha256", "X-Signature", EventIdPath: "a..b"), "eventIdPath" },
        { new("hmac-sha256", "X-Signature", EventTypePath: "header:"), "eventTypePath" },
        { new("hmac-sha256", "X-Signature", EntityKeyPath: "{secret}"), "entityKeyPath" },
        { new("hmac-sha256", "X-Signature", TimePath: "{body}"), "timePath" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_named_by_its_field(CustomVerification verification, string field)
    {
        var errors = new FieldErrors();
        verification.Check(errors);

        errors.ToDictionary().Keys.ShouldBe(["verification." + field]);
    }

    [Theory]
    [InlineData("hmac-sha1", "hex")]
    [InlineData("hmac-sha1", "base64")]
    [InlineData("hmac-sha256", "hex")]
    [InlineData("hmac-sha256", "base64")]
    [InlineData("hmac-sha256", "base64url")]
    [InlineData("hmac-sha512", "hex")]
    [InlineData("hmac-sha512", "base64")]
    public void Every_hmac_is_verified_in_every_encoding(string algorithm, string encoding)
    {
        var digest = algorithm switch
        {
            "hmac-sha1" => HMACSHA1.HashData(Key, Body),
            "hmac-sha256" => HMACSHA256.HashData(Key, Body),
            _ => HMACSHA512.HashData(Key, Body),
        };
        var text = encoding switch
        {
            "hex" => Convert.ToHexString(digest),
            "base64" => Convert.ToBase64String(digest),
            _ => System.Buffers.Text.Base64Url.EncodeToString(digest),
        };
        var verification = new CustomVerification(algorithm, "X-Signature", encoding, "sig=");

        Judge(verification, Secret, [new("x-signature", "sig=" + text)]).ShouldBe(VerdictReasons.Verified);
        Judge(verification, Secret, [new("x-signature", "sig=00, sig=" + text)]).ShouldBe(VerdictReasons.Verified);
        Judge(verification, Secret, [new("x-signature", text)]).ShouldBe(VerdictReasons.SignatureMalformed);
        Judge(verification, "another", [new("x-signature", "sig=" + text)]).ShouldBe(VerdictReasons.SignatureMismatch);
    }

    [Fact]
    public void Public_keys_are_taken_in_every_usual_form()
    {
        using var ed25519 = NSec.Cryptography.Key.Create(SignatureAlgorithm.Ed25519);
        var raw = ed25519.PublicKey.Export(KeyBlobFormat.RawPublicKey);
        var edSignature = Convert.ToBase64String(SignatureAlgorithm.Ed25519.Sign(ed25519, Body));
        foreach (var key in new[] { Convert.ToHexString(raw), Convert.ToBase64String(raw), Encoding.ASCII.GetString(ed25519.PublicKey.Export(KeyBlobFormat.PkixPublicKeyText)) })
        {
            Judge(new("ed25519", "X-Signature", "base64"), key, [new("X-Signature", edSignature)]).ShouldBe(VerdictReasons.Verified);
        }

        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var spki = ecdsa.ExportSubjectPublicKeyInfo();
        foreach (var format in new[] { DSASignatureFormat.Rfc3279DerSequence, DSASignatureFormat.IeeeP1363FixedFieldConcatenation })
        {
            var signature = Convert.ToBase64String(ecdsa.SignData(Body, System.Security.Cryptography.HashAlgorithmName.SHA256, format));
            foreach (var key in new[] { Convert.ToBase64String(spki), PemEncoding.WriteString("PUBLIC KEY", spki) })
            {
                Judge(new("ecdsa-p256", "X-Signature", "base64"), key, [new("X-Signature", signature)]).ShouldBe(VerdictReasons.Verified);
            }
        }

        using var otherCurve = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Verifier.ProblemWith(new CustomVerification("ecdsa-p256", "X-Signature").ToPreset().Scheme, Convert.ToBase64String(otherCurve.ExportSubjectPublicKeyInfo()))!.ShouldContain("P-256");
        Verifier.ProblemWith(new CustomVerification("ed25519", "X-Signature").ToPreset().Scheme, "not a key")!.ShouldNotContain("not a key,");
        Verifier.ProblemWith(new CustomVerification("hmac-sha256", "X-Signature").ToPreset().Scheme, "anything").ShouldBeNull();
    }

    [Fact]
    public void What_is_signed_can_be_any_part_of_the_request()
    {
        var verification = new CustomVerification(
            "hmac-sha256", "X-Signature", ContentTemplate: "{method} {url}\n{header:X-Tenant}|{query:n}|{body:event.id}|[{header:X-Absent}|]{timestamp}.{body}", TimestampHeader: "X-Time");
        var errors = new FieldErrors();
        verification.Check(errors);
        errors.Any.ShouldBeFalse();
        string Sign(string time) => Convert.ToHexStringLower(HMACSHA256.HashData(Key, (byte[])[.. Encoding.UTF8.GetBytes($"POST https://a.example/in?n=7\nt1|7|e-1|{time}."), .. Body]));

        foreach (var time in new[] { "1700000000", "1700000000000", "2023-11-14T22:13:20Z", "Tue, 14 Nov 2023 22:13:20 GMT" })
        {
            Judge(verification, Secret, [new("X-Signature", Sign(time)), new("X-Time", time), new("X-Tenant", "t1")]).ShouldBe(VerdictReasons.Verified, time);
        }
        Judge(verification, Secret, [new("X-Signature", Sign("1699999699")), new("X-Time", "1699999699"), new("X-Tenant", "t1")]).ShouldBe(VerdictReasons.TimestampTooOld);
        Judge(verification, Secret, [new("X-Signature", Sign("soon")), new("X-Time", "soon"), new("X-Tenant", "t1")]).ShouldBe(VerdictReasons.TimestampMalformed);
        Judge(verification, Secret, [new("X-Signature", Sign("1700000000")), new("X-Time", "1700000000"), new("X-Tenant", "t2")]).ShouldBe(VerdictReasons.SignatureMismatch);
        Judge(verification, Secret, [new("X-Signature", Sign("1700000000")), new("X-Time", "1700000000")]).ShouldBe(VerdictReasons.ValueMissing);
    }

    [Fact]
    public void A_timestamp_may_stand_beside_the_signature()
    {
        var verification = new CustomVerification("hmac-sha256", "X-Sig", Prefix: "v1=", ContentTemplate: "{timestamp}.{body}", TimestampHeader: "part:t=", ToleranceSeconds: 10);
        var signature = Convert.ToHexStringLower(HMACSHA256.HashData(Key, (byte[])[.. "1699999990."u8, .. Body]));

        Judge(verification, Secret, [new("X-Sig", $"t=1699999990,v1={signature}")]).ShouldBe(VerdictReasons.Verified);
        Judge(verification, Secret, [new("X-Sig", $"t=1699999990;v1={signature}")]).ShouldBe(VerdictReasons.Verified);
        Judge(verification, Secret, [new("X-Sig", $"t=1700000000,v1={signature}")]).ShouldBe(VerdictReasons.SignatureMismatch);
        Judge(verification, Secret, [new("X-Sig", $"v1={signature}")]).ShouldBe(VerdictReasons.TimestampMissing);
    }

    [Fact]
    public void Tokens_and_passwords_are_compared_whole()
    {
        Judge(new("token", "Authorization", Prefix: "Bearer "), Secret, [new("Authorization", "bearer " + Secret)]).ShouldBe(VerdictReasons.Verified);
        Judge(new("token", "Authorization", Prefix: "Bearer "), Secret, [new("Authorization", Secret)]).ShouldBe(VerdictReasons.SignatureMalformed);
        Judge(new("token", "X-Token"), Secret, [new("X-Token", Secret)]).ShouldBe(VerdictReasons.Verified);
        Judge(new("token", "X-Token"), Secret, [new("X-Token", Secret[..^1])]).ShouldBe(VerdictReasons.TokenMismatch);
        Judge(new("basic"), "user:pass", [new("Authorization", "Basic " + Convert.ToBase64String("user:pass"u8))]).ShouldBe(VerdictReasons.Verified);
        Judge(new("basic"), "user:pass", [new("Authorization", "Basic " + Convert.ToBase64String("user:other"u8))]).ShouldBe(VerdictReasons.TokenMismatch);
        Judge(new("basic"), "user:pass", [new("Authorization", "Bearer x")]).ShouldBe(VerdictReasons.SignatureMalformed);
    }

    [Fact]
    public void Facts_are_read_where_the_source_says()
    {
        var preset = new CustomVerification("token", "X-Token", EventIdPath: "event.id", EventTypePath: "{header:X-Kind}.{body:event.kind}", EntityKeyPath: "order", TimePath: "body:at").ToPreset();

        var facts = EventFacts.Of(preset, Request([new("X-Kind", "shop")]));

        (facts.VendorEventId, facts.Type, facts.EntityKey).ShouldBe(("e-1", "shop.order.paid", "42"));
        facts.OccurredAt.ShouldBe(new DateTimeOffset(2023, 11, 14, 22, 13, 0, TimeSpan.Zero));
        EventFacts.Of(new CustomVerification("token", "X-Token", EventIdPath: "header:X-Id").ToPreset(), Request([new("X-Id", "h-1")])).VendorEventId.ShouldBe("h-1");
        EventFacts.Of(new CustomVerification("token", "X-Token", EventIdPath: "method").ToPreset(), Request([])).VendorEventId.ShouldBeNull("a bare name is one of the body");
    }

    [Fact]
    public void A_source_that_describes_nothing_is_unchecked() =>
        new Verifier(VendorCatalog.Find(VendorCatalog.Custom)!.Scheme, ["x"]).Verify(Request([])).Reason.ShouldBe(VerdictReasons.NotSigned);

    private static string Judge(CustomVerification verification, string secret, KeyValuePair<string, string>[] headers) =>
        new Verifier(verification.ToPreset().Scheme, [secret]).Verify(Request(headers)).Reason;

    private static VendorRequest Request(KeyValuePair<string, string>[] headers) => new("POST", "https://a.example/in?n=7", headers, Body, Now);
}
