using Hookway.Ingest.Verification;

namespace Hookway.Tests.Ingest.Verification;

/// <summary>Requests of real vendors' libraries, as the generic verifier judges them.</summary>
public class VendorVectorsTests
{
    public static TheoryData<VendorVector> Vectors => [.. VendorVectors.All];

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Every_vector_has_the_verdict_that_the_vendors_library_gives(VendorVector vector)
    {
        var verdict = vector.Verify(vector.Request);

        verdict.Status.ShouldBe(vector.Expected, $"{vector.Note}: {verdict.Reason}, {verdict.Sentence}");
        Reasons(vector.Case)?.ShouldContain(verdict.Reason, verdict.Sentence);
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public void No_verdict_tells_the_secret_or_the_signature_that_was_expected(VendorVector vector)
    {
        if (vector.Preset.Scheme.Certificate is not null || vector.Secret.Length == 0)
        {
            // What stands in place of the secret is public: a topic, a webhook's id.
            return;
        }
        var verdict = vector.Verify(vector.Request);
        var told = verdict + string.Concat(verdict.Evidence!.Received);

        told.ShouldNotContain(vector.Secret);
        if (vector.Case is "wrong-secret" or "garbage-signature" or "empty-signature")
        {
            var good = VendorVectors.Find(vector.Vendor);
            good.Verify(good.Request).Evidence!.Received.ShouldAllBe(signature => !told.Contains(signature));
        }
    }

    /// <summary>The reasons that fit a case; null where the case alone does not tell.</summary>
    private static string[]? Reasons(string name) => name switch
    {
        "wrong-secret" => [VerdictReasons.SignatureMismatch, VerdictReasons.TokenMismatch],
        "empty-signature" => [VerdictReasons.SignatureMissing],
        "garbage-signature" => [VerdictReasons.SignatureMalformed, VerdictReasons.SignatureMismatch, VerdictReasons.TokenMismatch],
        "stale" or "expired" => [VerdictReasons.TimestampTooOld],
        "future" => [VerdictReasons.TimestampTooNew],
        "changed-body" or "json-body-changed" or "body-trimmed" or "body-reserialised" => [VerdictReasons.SignatureMismatch, VerdictReasons.BodyHashMismatch],
        "timestamp-rewritten" or "timestamp-changed" or "id-changed" or "signed-header-changed" or "request-id-changed" or "other-data-id" or "type-changed" =>
            [VerdictReasons.SignatureMismatch],
        "url-changed" or "query-changed" => [VerdictReasons.SignatureMismatch, VerdictReasons.UrlHashMismatch],
        "other-topic" or "other-algorithm" => [VerdictReasons.ValueUnexpected],
        "other-webhook" or "key-not-hashed" or "intent-to-receive-wrong" => [VerdictReasons.SignatureMismatch],
        "foreign-certificate" => [VerdictReasons.CertificateRefused],
        "algorithm-swapped" => [VerdictReasons.AlgorithmRefused],
        "one-without-state" => [VerdictReasons.TokenMismatch],
        "no-timestamp" => [VerdictReasons.TimestampMissing],
        "v0-only" or "v2-only" or "no-prefix" or "sha1-in-256-header" or "hex-instead-of-base64" or "sha256-digest" => [VerdictReasons.SignatureMalformed],
        _ when name.EndsWith("timestamp", StringComparison.Ordinal) && name.StartsWith("missing", StringComparison.Ordinal) => [VerdictReasons.TimestampMissing],
        _ when name.EndsWith("-id", StringComparison.Ordinal) && name.StartsWith("missing", StringComparison.Ordinal) => [VerdictReasons.IdMissing],
        "missing-x-plivo-signature-v3-nonce" or "missing-x-contentful-signed-headers" => [VerdictReasons.ValueMissing],
        _ when name.StartsWith("missing", StringComparison.Ordinal) => [VerdictReasons.SignatureMissing],
        _ => null,
    };
}
