using System.Text.Json.Serialization;

namespace Hookway.Ingest.Verification;

/// <summary>Whether a request is genuine.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<SignatureStatus>))]
public enum SignatureStatus
{
    /// <summary>Nothing to check it by: the vendor does not sign, or no secret is known.</summary>
    [JsonStringEnumMemberName("unchecked")]
    Unchecked,

    [JsonStringEnumMemberName("verified")]
    Verified,

    [JsonStringEnumMemberName("failed")]
    Failed,
}

/// <summary>What a genuine signature says of the request.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<SignatureCoverage>))]
public enum SignatureCoverage
{
    /// <summary>Who sent it at most (a token, a password), nothing of what.</summary>
    [JsonStringEnumMemberName("none")]
    None,

    /// <summary>Some of its values, but not the body as a whole.</summary>
    [JsonStringEnumMemberName("partial")]
    Partial,

    [JsonStringEnumMemberName("body")]
    Body,
}

/// <summary>The result of checking a request.</summary>
/// <param name="Reason">Stable, snake_case, one of <see cref="VerdictReasons"/>.</param>
/// <param name="Sentence">What a person should know; it never holds a secret or an expected signature.</param>
/// <param name="Certificate">The certificate that is needed to say more; null in every verdict but one with the reason <c>certificate_unavailable</c>.</param>
public sealed record Verdict(
    SignatureStatus Status, SignatureCoverage Coverage, string Reason, string Sentence, VerificationEvidence? Evidence, Uri? Certificate = null)
{
    public bool IsVerified => Status is SignatureStatus.Verified;

    /// <summary>What the signature was made over; empty unless it is right.</summary>
    public ReadOnlyMemory<byte> Vouched { get; init; }

    public static Verdict Unchecked(string reason, string sentence) => new(SignatureStatus.Unchecked, SignatureCoverage.None, reason, sentence, null);
}

/// <summary>What was compared, for a person who wants to know why: never a secret, nor the signature that was expected.</summary>
/// <param name="Algorithm">Such as <c>hmac-sha256</c>.</param>
/// <param name="SignatureFrom">Where the signature was looked for.</param>
/// <param name="Encoding">How the signature is written: hex, base64 or base64url.</param>
/// <param name="SignedContent">What is signed, as a template.</param>
/// <param name="SecretsTried">How many secrets were tried.</param>
/// <param name="SecretMatched">Which of them it was, from 1; null when none.</param>
/// <param name="Received">The signatures that came, cut to 100 characters; a token or password is never shown.</param>
/// <param name="Timestamp">The timestamp as it came.</param>
/// <param name="SignedAt">What it says.</param>
/// <param name="AgeSeconds">How long before the arrival that was; negative when it lies ahead.</param>
public sealed record VerificationEvidence(
    string Algorithm, string? SignatureFrom, string? Encoding, string? SignedContent, int SecretsTried, int? SecretMatched, IReadOnlyList<string> Received,
    string? Timestamp, DateTimeOffset? SignedAt, double? AgeSeconds, int? ToleranceSeconds);

/// <summary>Why a request has its verdict.</summary>
public static class VerdictReasons
{
    public const string Verified = "verified";
    public const string NotSigned = "not_signed";
    public const string NoSecret = "no_secret";
    public const string SecretUnusable = "secret_unusable";
    public const string SignatureMissing = "signature_missing";
    public const string SignatureRepeated = "signature_repeated";
    public const string SignatureMalformed = "signature_malformed";
    public const string SignatureReused = "signature_reused";
    public const string SignatureMismatch = "signature_mismatch";
    public const string TimestampMissing = "timestamp_missing";
    public const string TimestampRepeated = "timestamp_repeated";
    public const string TimestampMalformed = "timestamp_malformed";
    public const string TimestampTooOld = "timestamp_too_old";
    public const string TimestampTooNew = "timestamp_too_new";
    public const string IdMissing = "id_missing";
    public const string IdRepeated = "id_repeated";
    public const string ValueMissing = "value_missing";
    public const string ValueRepeated = "value_repeated";
    public const string ValueUnexpected = "value_unexpected";
    public const string BodyNotSigned = "body_not_signed";
    public const string BodyHashMismatch = "body_hash_mismatch";
    public const string UrlHashMismatch = "url_hash_mismatch";
    public const string TokenMismatch = "token_mismatch";
    public const string AlgorithmRefused = "algorithm_refused";
    public const string ClaimUnexpected = "claim_unexpected";
    public const string CertificateUnavailable = "certificate_unavailable";
    public const string CertificateRefused = "certificate_refused";
}
