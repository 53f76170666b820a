using System.Text.Json.Serialization;

namespace Hookway.Ingest.Verification;

/// <summary>How the requests of a vendor show that they are genuine. Pure data: what is not in it, no request can choose.</summary>
public sealed record VerificationScheme
{
    /// <summary>What is computed and compared.</summary>
    public VerificationAlgorithm Algorithm { get; init; }

    /// <summary>Where the signature or token stands; of several places each that is there counts.</summary>
    public IReadOnlyList<string> Signature { get; init; } = [];

    /// <summary>The characters that divide several signatures in one value; null when there is but one.</summary>
    public string? Separator { get; init; }

    /// <summary>What a signature begins with, such as <c>sha256=</c>; those without it are passed over.</summary>
    public string? Prefix { get; init; }

    /// <summary>A signature stands behind the last of these characters.</summary>
    public string? After { get; init; }

    /// <summary>How signatures are written.</summary>
    public SignatureEncoding Encoding { get; init; }

    /// <summary>How a secret's text becomes a key.</summary>
    public KeyForm Key { get; init; }

    /// <summary>What is taken off a secret before it is read as a key, whichever of these it begins with.</summary>
    public IReadOnlyList<string> KeyPrefixes { get; init; } = [];

    /// <summary>The signed content as a template; of several any may match.</summary>
    public IReadOnlyList<ValueTemplate> Content { get; init; } = [];

    /// <summary>The code that makes the signed content, for the few whose content is no template (<see cref="SignedContents"/>).</summary>
    public string? ContentCode { get; init; }

    /// <summary>Where the timestamp stands: a source, or <c>part:t=</c> for a part of the signature's own header.</summary>
    public string? Timestamp { get; init; }

    /// <summary>Where it stands in requests that have it not there.</summary>
    public string? TimestampElsewhere { get; init; }

    public TimestampUnit TimestampUnit { get; init; }

    /// <summary>How far the timestamp may be from the time of arrival, either way; null when it is not judged.</summary>
    public int? ToleranceSeconds { get; init; }

    /// <summary>Where the id stands that is part of the signed content.</summary>
    public string? Id { get; init; }

    /// <summary>Headers may be called by another prefix: this one and then that one.</summary>
    public IReadOnlyDictionary<string, string> HeaderAliases { get; init; } = new Dictionary<string, string>();

    /// <summary>What must stand somewhere, and what (null: nothing may stand there).</summary>
    public IReadOnlyDictionary<string, string?> Require { get; init; } = new Dictionary<string, string?>();

    /// <summary>What is signed holds a value that the vendor uses once, and not the event: what comes later under the same signature is refused, unless it is the very same.</summary>
    public bool Once { get; init; }

    /// <summary>The body must be JSON, an object or a list, or hold it as <see cref="VendorRequest.Json"/> says: of vendors that have a challenge signed, which is none.</summary>
    public bool Json { get; init; }

    /// <summary>A place whose value must be one of the secrets, where the secret names the sender and keys are public (AWS SNS: the topic).</summary>
    public string? Pin { get; init; }

    /// <summary>Where the certificate is named, for signatures that come with one.</summary>
    public CertificatePlace? Certificate { get; init; }

    /// <summary>What a JSON Web Token must claim.</summary>
    public JwtClaims? Jwt { get; init; }

    /// <summary>What a genuine signature says of the request; null: what follows from the content.</summary>
    public SignatureCoverage? Coverage { get; init; }

    /// <summary>What a genuine signature of this scheme says of a request.</summary>
    [JsonIgnore]
    public SignatureCoverage EffectiveCoverage => Coverage ?? Algorithm switch
    {
        VerificationAlgorithm.None or VerificationAlgorithm.Token or VerificationAlgorithm.Basic => SignatureCoverage.None,
        _ when Jwt is not null => Jwt.BodyHash is not null ? SignatureCoverage.Body : SignatureCoverage.None,
        _ when ContentCode is not null || (Content.Count > 0 && Content.All(content => content.Uses("body"))) => SignatureCoverage.Body,
        _ => SignatureCoverage.Partial,
    };

    /// <summary>The headers that it reads, as a caller may want to see them.</summary>
    [JsonIgnore]
    public IEnumerable<string> Headers => Signature.Append(Timestamp).Append(Id).Concat(Require.Keys).Append(Certificate?.From)
        .Where(text => text is not null && ValueSource.TryParse(text, out _)).Select(text => ValueSource.Parse(text!).HeaderName)
        .Concat(Content.SelectMany(content => content.Sources).Select(source => source.HeaderName))
        .OfType<string>().Distinct(StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether the URL is part of what is signed.</summary>
    [JsonIgnore]
    public bool SignsUrl => ContentCode is "twilio" or "mandrill" or "plivo" or "contentful" || Jwt is { UrlHash: not null } or { Subject: not null } or { QueryHash: true }
        || Content.Any(content => content.Sources.Any(source => source.Text == "url"));

    /// <summary>The headers whose values are secrets, to be masked wherever they are shown.</summary>
    [JsonIgnore]
    public IEnumerable<string> SecretHeaders => Algorithm is VerificationAlgorithm.Token or VerificationAlgorithm.Basic
        ? Signature.Select(text => ValueSource.Parse(text).HeaderName).OfType<string>()
        : [];
}

/// <summary>What is computed to tell a genuine request.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<VerificationAlgorithm>))]
public enum VerificationAlgorithm
{
    /// <summary>The vendor does not sign.</summary>
    [JsonStringEnumMemberName("none")]
    None,

    [JsonStringEnumMemberName("hmac-sha1")]
    HmacSha1,

    [JsonStringEnumMemberName("hmac-sha256")]
    HmacSha256,

    [JsonStringEnumMemberName("hmac-sha512")]
    HmacSha512,

    /// <summary>A plain hash of content that holds the secret.</summary>
    [JsonStringEnumMemberName("sha1")]
    Sha1,

    /// <summary>A plain hash of content that holds the secret.</summary>
    [JsonStringEnumMemberName("sha256")]
    Sha256,

    [JsonStringEnumMemberName("ed25519")]
    Ed25519,

    /// <summary>ECDSA on P-256 over SHA-256.</summary>
    [JsonStringEnumMemberName("ecdsa-p256")]
    EcdsaP256,

    [JsonStringEnumMemberName("rsa-sha1")]
    RsaSha1,

    [JsonStringEnumMemberName("rsa-sha256")]
    RsaSha256,

    /// <summary>The secret itself is sent.</summary>
    [JsonStringEnumMemberName("token")]
    Token,

    /// <summary>HTTP Basic: the secret is <c>user:password</c>.</summary>
    [JsonStringEnumMemberName("basic")]
    Basic,

    [JsonStringEnumMemberName("jwt-hs256")]
    JwtHs256,

    [JsonStringEnumMemberName("jwt-rs256")]
    JwtRs256,

    [JsonStringEnumMemberName("jwt-es256")]
    JwtEs256,
}

/// <summary>How signatures are written.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<SignatureEncoding>))]
public enum SignatureEncoding
{
    [JsonStringEnumMemberName("hex")]
    Hex,

    [JsonStringEnumMemberName("base64")]
    Base64,

    [JsonStringEnumMemberName("base64url")]
    Base64Url,
}

/// <summary>How a secret's text becomes a key. Public keys are read as hex, base64 or PEM, whichever they are.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<KeyForm>))]
public enum KeyForm
{
    /// <summary>Its UTF-8 bytes, prefix and all.</summary>
    [JsonStringEnumMemberName("utf8")]
    Utf8,

    /// <summary>Its bytes, which must be ASCII: the vendor normalises other text in a way of its own.</summary>
    [JsonStringEnumMemberName("ascii")]
    Ascii,

    [JsonStringEnumMemberName("base64")]
    Base64,

    [JsonStringEnumMemberName("hex")]
    Hex,

    /// <summary>Both its UTF-8 bytes and what it decodes to: some senders do one, some the other.</summary>
    [JsonStringEnumMemberName("utf8-or-base64")]
    Utf8OrBase64,

    /// <summary>Base64 where a prefix says so, else its UTF-8 bytes.</summary>
    [JsonStringEnumMemberName("base64-if-prefixed")]
    Base64IfPrefixed,

    /// <summary>The SHA-1 of what stands behind the last <c>|</c> (Braintree: <c>public key|private key</c>).</summary>
    [JsonStringEnumMemberName("sha1-of-last")]
    Sha1OfLast,
}

/// <summary>How a timestamp is written.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TimestampUnit>))]
public enum TimestampUnit
{
    [JsonStringEnumMemberName("seconds")]
    Seconds,

    [JsonStringEnumMemberName("milliseconds")]
    Milliseconds,

    /// <summary>Seconds or milliseconds, by size.</summary>
    [JsonStringEnumMemberName("seconds-or-milliseconds")]
    SecondsOrMilliseconds,

    [JsonStringEnumMemberName("iso8601")]
    Iso8601,

    [JsonStringEnumMemberName("http-date")]
    HttpDate,

    /// <summary>Whichever of these it is.</summary>
    [JsonStringEnumMemberName("any")]
    Any,
}

/// <summary>Where a certificate is named, and from where alone it may come.</summary>
/// <param name="From">The place of its URL.</param>
/// <param name="Hosts">Hosts; <c>*</c> stands for one label.</param>
/// <param name="PathEnd">What the URL's path ends with; null for anything.</param>
/// <param name="PathStart">What it begins with.</param>
/// <param name="NameEnd">What the name in the certificate ends with; it must lead to a trusted root then. Null where the host that serves it is what is trusted.</param>
public sealed record CertificatePlace(string From, IReadOnlyList<string> Hosts, string? PathEnd = null, string? PathStart = null, string? NameEnd = null);

/// <summary>What the claims of a JSON Web Token must say beside its signature.</summary>
/// <param name="Issuer">What <c>iss</c> must be; null when it is not judged.</param>
/// <param name="Subject">A template of what <c>sub</c> must be.</param>
/// <param name="LeewaySeconds">How far <c>exp</c> and <c>nbf</c> may be passed.</param>
/// <param name="MaxAgeSeconds">How old <c>iat</c> may be; null when it is not judged.</param>
/// <param name="QueryHash">Whether <c>qsh</c> must be Atlassian's hash of method, path and query.</param>
public sealed record JwtClaims(
    string? Issuer = null, HashClaim? BodyHash = null, HashClaim? UrlHash = null, ValueTemplate? Subject = null, int LeewaySeconds = 0, int? MaxAgeSeconds = null,
    bool QueryHash = false);

/// <summary>A claim that is the SHA-256 of something.</summary>
/// <param name="Claim">Its name.</param>
/// <param name="Encoding">How the hash is written.</param>
/// <param name="OnlyWithBody">Whether it may be left out when the body is empty.</param>
public sealed record HashClaim(string Claim, SignatureEncoding Encoding, bool OnlyWithBody = false);
