using System.Security.Cryptography;
using System.Text;
using Hookway.Ingest.Verification;

namespace Hookway.Tests.Ingest.Verification;

/// <summary>A genuine request of every vendor, tampered with in every way that a scheme of its kind must notice.</summary>
public class VerifierRefusalsTests
{
    /// <summary>Vendors whose signature stands in a header.</summary>
    public static TheoryData<VendorVector> WithSignatureHeader => [.. Genuine.Where(vector => SignatureHeader(vector) is not null)];

    /// <summary>Vendors that sign the body's bytes or its fields.</summary>
    public static TheoryData<VendorVector> WithSignedBody => [.. Genuine.Where(vector => vector.Preset.Scheme.EffectiveCoverage is SignatureCoverage.Body && vector.Request.Body.Length > 2)];

    /// <summary>Vendors whose signatures expire.</summary>
    public static TheoryData<VendorVector> WithTolerance => [.. Genuine.Where(vector => vector.Preset.Scheme.ToleranceSeconds is not null)];

    private static IEnumerable<VendorVector> Genuine => VendorVectors.Good.Where(vector => vector.Expected is SignatureStatus.Verified);

    [Theory]
    [MemberData(nameof(WithSignatureHeader))]
    public void A_signature_that_is_there_twice_is_refused(VendorVector vector)
    {
        var header = SignatureHeader(vector)!;
        foreach (var second in new[] { vector.Headers[header], "AAAA", "" })
        {
            var verdict = vector.Verify(vector.With([.. vector.Headers, new(header.ToUpperInvariant(), second)]));

            // DocuSign numbers its headers: there several are meant, and each by itself must be right.
            if (!vector.Preset.Scheme.Signature[0].EndsWith('*'))
            {
                (verdict.Status, verdict.Reason).ShouldBe((SignatureStatus.Failed, VerdictReasons.SignatureRepeated));
            }
        }
    }

    [Theory]
    [MemberData(nameof(WithSignedBody))]
    public void A_truncated_or_extended_body_is_refused(VendorVector vector)
    {
        var body = vector.Request.Body.ToArray();

        vector.Verify(vector.With(body: body[..^1])).Status.ShouldBe(SignatureStatus.Failed);
        vector.Verify(vector.With(body: body[..(body.Length / 2)])).Status.ShouldBe(SignatureStatus.Failed);
        vector.Verify(vector.With(body: [])).Status.ShouldBe(SignatureStatus.Failed);
        vector.Verify(vector.With(body: [.. body, .. "&x=1"u8])).Status.ShouldBe(SignatureStatus.Failed);
    }

    /// <summary>Vendors that sign the fields of a form and not its bytes.</summary>
    public static TheoryData<VendorVector> WithSignedFields => [.. Genuine.Where(vector => vector.Vendor is "twilio" or "mandrill" or "plivo" or "paddle-classic")];

    [Theory]
    [MemberData(nameof(WithSignedFields))]
    public void Fields_beyond_those_that_are_read_or_in_another_kind_of_form_are_refused(VendorVector vector)
    {
        var form = Encoding.ASCII.GetString(vector.Request.Body.Span);
        vector.Headers["Content-Type"].ShouldStartWith("application/x-www-form-urlencoded");
        Verdict With(string body, params string[] types) => vector.Verify(vector.With(
            [.. vector.Headers.Where(header => header.Key != "Content-Type"), .. types.Select(type => KeyValuePair.Create("Content-Type", type))], Encoding.UTF8.GetBytes(body)));
        const string right = "application/x-www-form-urlencoded";

        With(form, right + "; charset=UTF-8").IsVerified.ShouldBeTrue();
        var repeated = string.Join('&', Enumerable.Repeat(form.Split('&')[0], 2_000));
        var parts = string.Concat(form.Split('&').Select(pair => pair.Split('=')).Select(pair =>
            $"--b\r\nContent-Disposition: form-data; name=\"{Uri.UnescapeDataString(pair[0])}\"\r\n\r\n{Uri.UnescapeDataString(pair[1].Replace('+', ' '))}\r\n"));
        foreach (var verdict in new[]
        {
            With($"{repeated}&{form}&Body=evil", right), With($"{form}&{repeated}&Body=evil", right), With(new string('&', 5_000) + form + "&Body=evil", right),
            With(form, right, right), With(form), With(form, right + "; charset=utf-16"), With(form, "application/x-www-form-urlencoded-not"), With(form, "application/json"),
            With(parts + "--b--", "multipart/form-data; boundary=b"),
            With(parts + "--b\r\nContent-Disposition: form-data; name=\"Body\"; filename=\"\"\r\n\r\nevil\r\n--b--", "multipart/form-data; boundary=b"),
        })
        {
            verdict.Status.ShouldBe(SignatureStatus.Failed);
        }
    }

    [Theory]
    [InlineData("\u00a0application/x-www-form-urlencoded")]
    [InlineData(" application/x-www-form-urlencoded")]
    [InlineData("\vapplication/x-www-form-urlencoded")]
    [InlineData("\u2003application/x-www-form-urlencoded; charset=utf-8")]
    public void A_signature_of_the_URL_alone_lets_in_no_body_whatever_its_type_looks_like(string type)
    {
        var vector = VendorVectors.Find("twilio", "good-get");
        KeyValuePair<string, string>[] headers = [.. vector.Headers.Where(header => header.Key != "Content-Type"), new("Content-Type", type)];

        vector.Verify(vector.With(headers)).IsVerified.ShouldBeTrue("it has no body");
        vector.Verify(vector.With(headers, "Body=evil"u8.ToArray())).Status.ShouldBe(SignatureStatus.Failed);
    }

    [Fact]
    public void A_field_that_is_there_twice_is_refused_where_the_vendor_sends_none_twice()
    {
        var vector = VendorVectors.Find("mandrill");
        var form = Encoding.ASCII.GetString(vector.Request.Body.Span);

        vector.Verify(vector.With(body: Encoding.ASCII.GetBytes($"{form}&{form}"))).Reason.ShouldBe(VerdictReasons.ValueRepeated);
    }

    [Theory]
    [MemberData(nameof(WithTolerance))]
    public void A_request_that_is_sent_again_later_is_refused(VendorVector vector)
    {
        var at = vector.Request.ReceivedAt;
        var tolerance = vector.Preset.Scheme.ToleranceSeconds!.Value;

        var late = vector.Verify(vector.With(at: at.AddSeconds(tolerance + 2)));
        var early = vector.Verify(vector.With(at: at.AddSeconds(-tolerance - 1701)));

        (late.Status, late.Reason).ShouldBe((SignatureStatus.Failed, VerdictReasons.TimestampTooOld));
        late.Sentence.ShouldContain($"{tolerance} s allowed");
        (early.Status, early.Reason).ShouldBe((SignatureStatus.Failed, VerdictReasons.TimestampTooNew));
    }

    [Theory]
    [MemberData(nameof(WithSignatureHeader))]
    public void Every_secret_of_a_list_may_have_signed_and_no_other(VendorVector vector)
    {
        var others = vector.Preset.Scheme.Algorithm switch
        {
            VerificationAlgorithm.Ed25519 => new[] { Convert.ToHexStringLower(new byte[32]) },
            VerificationAlgorithm.EcdsaP256 or VerificationAlgorithm.JwtEs256 => [Pem(ECDsa.Create(ECCurve.NamedCurves.nistP256).ExportSubjectPublicKeyInfo())],
            VerificationAlgorithm.RsaSha256 or VerificationAlgorithm.RsaSha1 when vector.Preset.Scheme.Certificate is null => [Pem(RSA.Create(1024).ExportSubjectPublicKeyInfo())],
            _ => ["whsec_" + Convert.ToBase64String(new byte[24]), "00112233445566778899aabbccddeeff"],
        };

        var verdict = new Verifier(vector.Preset.Scheme, [.. others, vector.Secret]).Verify(vector.Request, vector.Certificates);
        var foreign = new Verifier(vector.Preset.Scheme, others).Verify(vector.Request, vector.Certificates);

        verdict.Status.ShouldBe(SignatureStatus.Verified, verdict.Sentence);
        verdict.Evidence!.SecretMatched.ShouldBe(others.Length + 1);
        foreign.Status.ShouldBe(SignatureStatus.Failed);
        foreign.Evidence!.SecretMatched.ShouldBeNull();
    }

    [Theory]
    [MemberData(nameof(WithSignatureHeader))]
    public void A_signature_in_the_encoding_of_another_vendor_is_refused(VendorVector vector)
    {
        var scheme = vector.Preset.Scheme;
        if (scheme.Jwt is not null || scheme.Algorithm is VerificationAlgorithm.Token or VerificationAlgorithm.Basic)
        {
            return;
        }
        foreach (var encoding in Enum.GetValues<SignatureEncoding>())
        {
            var verdict = new Verifier(scheme with { Encoding = encoding }, [vector.Secret]).Verify(vector.Request, vector.Certificates);

            if (encoding == scheme.Encoding)
            {
                verdict.IsVerified.ShouldBeTrue();
            }
            else if (verdict.IsVerified)
            {
                // Some signatures are written alike in base64 and base64url.
                (encoding, scheme.Encoding).ShouldBeOneOf((SignatureEncoding.Base64, SignatureEncoding.Base64Url), (SignatureEncoding.Base64Url, SignatureEncoding.Base64));
            }
        }
    }

    [Fact]
    public void A_digest_of_another_algorithm_is_refused_though_the_key_is_right()
    {
        var vector = VendorVectors.Find("github");
        var key = Encoding.UTF8.GetBytes(vector.Secret);
        var body = vector.Request.Body.Span;
        foreach (var digest in new[] { HMACSHA1.HashData(key, body), HMACSHA512.HashData(key, body), HMACSHA384.HashData(key, body), SHA256.HashData(body) })
        {
            foreach (var name in new[] { "sha256=", "sha1=", "sha512=", "" })
            {
                var headers = vector.Headers.ToDictionary();
                headers["X-Hub-Signature-256"] = name + Convert.ToHexStringLower(digest);

                vector.Verify(vector.With(headers)).Reason.ShouldBeOneOf(VerdictReasons.SignatureMalformed, VerdictReasons.SignatureMismatch);
            }
        }
    }

    [Theory]
    [InlineData("""{"alg":"none"}""")]
    [InlineData("""{"alg":"None"}""")]
    [InlineData("""{"alg":"HS512"}""")]
    [InlineData("""{"alg":"RS256"}""")]
    [InlineData("""{"typ":"JWT"}""")]
    [InlineData("""{"alg":"HS256","crit":["b64"],"b64":false}""")]
    public void A_token_chooses_no_algorithm(string header)
    {
        var vector = VendorVectors.Find("netlify");
        var claims = vector.Headers["X-Webhook-Signature"].Split('.')[1];
        var signed = $"{Base64Url(Encoding.UTF8.GetBytes(header))}.{claims}";
        foreach (var signature in new[] { Base64Url(HMACSHA256.HashData(Encoding.UTF8.GetBytes(vector.Secret), Encoding.ASCII.GetBytes(signed))), "" })
        {
            var verdict = vector.Verify(vector.With([new("X-Webhook-Signature", $"{signed}.{signature}")]));

            verdict.Reason.ShouldBeOneOf(VerdictReasons.AlgorithmRefused, VerdictReasons.SignatureMalformed);
        }
    }

    [Fact]
    public void A_signed_value_that_is_there_twice_is_refused()
    {
        var vector = VendorVectors.Find("mercadopago");

        vector.Verify(vector.With(url: vector.Url + "&data.id=999")).Reason.ShouldBe(VerdictReasons.ValueRepeated);
        vector.Verify(vector.With([.. vector.Headers, new("X-Request-Id", "other")])).Reason.ShouldBe(VerdictReasons.ValueRepeated);
        var standard = VendorVectors.Find("standardwebhooks");
        standard.Verify(standard.With([.. standard.Headers, new("Webhook-Id", "other")])).Reason.ShouldBe(VerdictReasons.IdRepeated);
        standard.Verify(standard.With([.. standard.Headers, new("Webhook-Timestamp", "1")])).Reason.ShouldBe(VerdictReasons.TimestampRepeated);
        var stripe = VendorVectors.Find("stripe");
        stripe.Verify(stripe.With([new("Stripe-Signature", stripe.Headers["Stripe-Signature"] + ",t=1")])).Reason.ShouldBe(VerdictReasons.TimestampRepeated);
    }

    [Fact]
    public void A_second_item_that_adyen_did_not_sign_is_refused()
    {
        var vector = VendorVectors.Find("adyen-payments");
        var body = Encoding.UTF8.GetString(vector.Request.Body.Span).Replace("}}}]", "}}},{\"NotificationRequestItem\":{\"eventCode\":\"REFUND\"}}]", StringComparison.Ordinal);

        vector.Verify(vector.With(body: Encoding.UTF8.GetBytes(body))).Reason.ShouldBe(VerdictReasons.ValueUnexpected);
    }

    [Fact]
    public void A_body_that_twilio_did_not_sign_is_refused()
    {
        var vector = VendorVectors.Find("twilio", "good-get");

        vector.Verify(vector.With([new("Content-Type", "application/json"), new("X-Twilio-Signature", vector.Headers["X-Twilio-Signature"])], """{"a":1}"""u8.ToArray()))
            .Reason.ShouldBe(VerdictReasons.BodyNotSigned);
    }

    [Theory]
    [InlineData("http://sns.us-east-1.amazonaws.com/a.pem")]
    [InlineData("https://sns.us-east-1.amazonaws.com.evil.example/a.pem")]
    [InlineData("https://sns.us-east-1.amazonaws.com:8443/a.pem")]
    [InlineData("https://user@sns.us-east-1.amazonaws.com/a.pem")]
    [InlineData("https://sns.us-east-1.amazonaws.com/a.pem?x=1")]
    [InlineData("https://sns.us-east-1.amazonaws.com/a.txt")]
    [InlineData("https://sns.a.b.amazonaws.com/a.pem")]
    [InlineData("https://sns..amazonaws.com/a.pem")]
    [InlineData("https://amazonaws.com/a.pem")]
    [InlineData("file:///etc/passwd.pem")]
    [InlineData("//sns.us-east-1.amazonaws.com/a.pem")]
    public void A_certificate_from_elsewhere_is_not_even_asked_for(string url)
    {
        var vector = VendorVectors.Find("aws-sns");
        var body = Encoding.UTF8.GetString(vector.Request.Body.Span).Replace("https://sns.us-east-1.amazonaws.com/SimpleNotificationService-fake.pem", url, StringComparison.Ordinal);
        var asked = new List<Uri>();

        var verdict = vector.Verifier.Verify(vector.With(body: Encoding.UTF8.GetBytes(body)), address =>
        {
            asked.Add(address);
            return null;
        });

        (verdict.Reason, verdict.Certificate).ShouldBe((VerdictReasons.CertificateRefused, null));
        asked.ShouldBeEmpty();
    }

    [Fact]
    public void A_certificate_that_is_not_at_hand_is_named_so_that_it_can_be_fetched()
    {
        var vector = VendorVectors.Find("aws-sns");
        var url = new Uri("https://sns.us-east-1.amazonaws.com/SimpleNotificationService-fake.pem");

        var verdict = vector.Verifier.Verify(vector.Request);

        (verdict.Status, verdict.Reason, verdict.Certificate).ShouldBe((SignatureStatus.Failed, VerdictReasons.CertificateUnavailable, url));
        vector.Verifier.Verify(vector.Request, _ => "no certificate"u8.ToArray()).Reason.ShouldBe(VerdictReasons.CertificateRefused);
        vector.Verify(vector.With(at: new DateTimeOffset(2037, 1, 1, 0, 0, 0, TimeSpan.Zero))).Reason.ShouldBe(VerdictReasons.CertificateRefused);
    }

    [Fact]
    public void The_evidence_tells_what_was_compared()
    {
        var vector = VendorVectors.Find("stripe", "stale");

        var evidence = vector.Verify(vector.Request).Evidence!;

        evidence.Algorithm.ShouldBe("hmac-sha256");
        evidence.SignatureFrom.ShouldBe("the header Stripe-Signature");
        (evidence.Encoding, evidence.SignedContent).ShouldBe(("hex", "{timestamp}.{body}"));
        (evidence.Timestamp, evidence.AgeSeconds, evidence.ToleranceSeconds).ShouldBe(("1795384445", 360, 300));
        (evidence.SecretsTried, evidence.SecretMatched).ShouldBe((1, 1));
        evidence.Received.ShouldBe(["560c2d767edc868822897ad9c3a27b81cca29d2b384811a5990dbb9bdbb9a2ad"]);
    }

    private static string? SignatureHeader(VendorVector vector) =>
        vector.Preset.Scheme.Signature.Select(place => ValueSource.Parse(place).HeaderName).Where(name => name is not null)
            .Select(name => vector.Headers.Keys.FirstOrDefault(key => name!.EndsWith('*')
                ? key.StartsWith(name.TrimEnd('*'), StringComparison.OrdinalIgnoreCase)
                : key.Equals(name, StringComparison.OrdinalIgnoreCase)))
            .FirstOrDefault(key => key is not null);

    private static string Base64Url(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);

    private static string Pem(byte[] spki) => PemEncoding.WriteString("PUBLIC KEY", spki);
}
