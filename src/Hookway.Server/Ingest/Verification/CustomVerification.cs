using Hookway.Api;

namespace Hookway.Ingest.Verification;

/// <summary>How the sender of a custom source signs, and where in its requests to find what.</summary>
/// <param name="Algorithm">Required: <c>hmac-sha1</c>, <c>hmac-sha256</c>, <c>hmac-sha512</c>, <c>ed25519</c>, <c>ecdsa-p256</c>, <c>token</c> (the secret itself is sent) or <c>basic</c> (user and password).</param>
/// <param name="Header">The header with the signature or token. Required but for <c>basic</c>, which has <c>Authorization</c>.</param>
/// <param name="Encoding">How the signature is written: <c>hex</c> (default), <c>base64</c> or <c>base64url</c>.</param>
/// <param name="Prefix">What the signature begins with, such as <c>sha256=</c> or <c>v1=</c>. With it the header may hold several, divided by commas or semicolons.</param>
/// <param name="ContentTemplate">What is signed: <c>{body}</c> (default: the raw body), <c>{timestamp}</c>, <c>{method}</c>, <c>{url}</c>, <c>{header:Name}</c>, <c>{query:name}</c>, <c>{body:path}</c>, and text between.</param>
/// <param name="TimestampHeader">The header of the timestamp that <c>{timestamp}</c> stands for (seconds, milliseconds, RFC 3339 or an HTTP date), or <c>part:t=</c> for that part of the signature's header.</param>
/// <param name="ToleranceSeconds">How far that time may be from the arrival, either way: 1 to 86,400; 300 when there is a timestamp.</param>
/// <param name="EventIdPath">Where the sender's id of the event stands: a path in the body such as <c>data.id</c>, or <c>header:Name</c>, <c>query:name</c>, <c>form:name</c>, or a template of them such as <c>{header:X-Kind}.{body:action}</c>.</param>
/// <param name="EventTypePath">Where it says what happened.</param>
/// <param name="EntityKeyPath">Where it says to what it happened.</param>
/// <param name="TimePath">Where it says when it happened.</param>
public sealed record CustomVerification(
    string? Algorithm, string? Header = null, string? Encoding = null, string? Prefix = null, string? ContentTemplate = null, string? TimestampHeader = null,
    int? ToleranceSeconds = null, string? EventIdPath = null, string? EventTypePath = null, string? EntityKeyPath = null, string? TimePath = null)
{
    private const int DefaultTolerance = 300;
    private const int MostTolerance = 86_400;
    private const int MostCharacters = 512;
    private const string Part = "part:";
    private const string Field = "verification.";

    private static readonly Dictionary<string, VerificationAlgorithm> Algorithms = new(StringComparer.Ordinal)
    {
        ["hmac-sha1"] = VerificationAlgorithm.HmacSha1,
        ["hmac-sha256"] = VerificationAlgorithm.HmacSha256,
        ["hmac-sha512"] = VerificationAlgorithm.HmacSha512,
        ["ed25519"] = VerificationAlgorithm.Ed25519,
        ["ecdsa-p256"] = VerificationAlgorithm.EcdsaP256,
        ["token"] = VerificationAlgorithm.Token,
        ["basic"] = VerificationAlgorithm.Basic,
    };

    private static readonly Dictionary<string, SignatureEncoding> Encodings = new(StringComparer.Ordinal)
    {
        ["hex"] = SignatureEncoding.Hex,
        ["base64"] = SignatureEncoding.Base64,
        ["base64url"] = SignatureEncoding.Base64Url,
    };

    private static readonly string[] ForVendorsOnly = ["secret", "id", "crc32", "urlToken"];

    private static readonly string[] Places = ["header:", "query:", "form:", "body:"];

    private bool IsSignature => Algorithm is not ("token" or "basic");

    /// <summary>Adds what is wrong, by field.</summary>
    public void Check(FieldErrors errors)
    {
        if (Algorithm is null || !Algorithms.ContainsKey(Algorithm))
        {
            errors.Add(Field + "algorithm", $"must be one of {string.Join(", ", Algorithms.Keys)}");
        }
        if (Header is null ? Algorithm is not "basic" : !HeaderNames.IsToken(Header) || Header.Contains('*', StringComparison.Ordinal) || Header.Length > MostCharacters)
        {
            errors.Add(Field + "header", "must be the name of a header");
        }
        if (Encoding is not null && !Encodings.ContainsKey(Encoding))
        {
            errors.Add(Field + "encoding", $"must be one of {string.Join(", ", Encodings.Keys)}");
        }
        if (Prefix is { Length: 0 or > 64 })
        {
            errors.Add(Field + "prefix", "must have 1 to 64 characters");
        }
        CheckContent(errors);
        CheckTimestamp(errors);
        CheckPath("eventIdPath", EventIdPath, errors);
        CheckPath("eventTypePath", EventTypePath, errors);
        CheckPath("entityKeyPath", EntityKeyPath, errors);
        CheckPath("timePath", TimePath, errors);
    }

    /// <summary>The record of this sender; only for what <see cref="Check"/> found nothing wrong with.</summary>
    public VendorPreset ToPreset() => VendorCatalog.Find(VendorCatalog.Custom)! with
    {
        Scheme = new VerificationScheme
        {
            Algorithm = Algorithms[Algorithm!],
            Signature = ["header:" + (Header ?? "Authorization")],
            Separator = !IsSignature || Prefix is null ? null : Prefix.Contains(',', StringComparison.Ordinal) ? " " : ",;",
            Prefix = Prefix,
            Encoding = Encoding is null ? SignatureEncoding.Hex : Encodings[Encoding],
            Content = IsSignature ? [ValueTemplate.Parse(ContentTemplate ?? "{body}")] : [],
            Timestamp = TimestampHeader is null || IsPart ? TimestampHeader : "header:" + TimestampHeader,
            TimestampUnit = TimestampUnit.Any,
            ToleranceSeconds = TimestampHeader is null ? null : ToleranceSeconds ?? DefaultTolerance,
        },
        EventId = Templates(EventIdPath),
        EventType = Templates(EventTypePath),
        EntityKey = Templates(EntityKeyPath),
        Time = Templates(TimePath),
    };

    private bool IsPart => TimestampHeader?.StartsWith(Part, StringComparison.Ordinal) == true;

    private void CheckContent(FieldErrors errors)
    {
        const string field = Field + "contentTemplate";
        if (ContentTemplate is null)
        {
            return;
        }
        if (!IsSignature)
        {
            errors.Add(field, $"is of no use with {Algorithm}, which signs nothing");
        }
        else if (ContentTemplate.Length is 0 or > MostCharacters)
        {
            errors.Add(field, $"must have 1 to {MostCharacters} characters");
        }
        else if (!ValueTemplate.TryParse(ContentTemplate, out var template, out var problem))
        {
            errors.Add(field, problem!);
        }
        else if (Array.Find(ForVendorsOnly, template.Uses) is { } unknown)
        {
            errors.Add(field, $"{{{unknown}}} is not known here");
        }
        else if (template.Uses("timestamp") && TimestampHeader is null)
        {
            errors.Add(Field + "timestampHeader", "must say where {timestamp} of contentTemplate stands");
        }
    }

    private void CheckTimestamp(FieldErrors errors)
    {
        if (ToleranceSeconds is < 1 or > MostTolerance)
        {
            errors.Add(Field + "toleranceSeconds", $"must be from 1 to {MostTolerance}");
        }
        else if (ToleranceSeconds is not null && TimestampHeader is null)
        {
            errors.Add(Field + "toleranceSeconds", "is of no use without timestampHeader");
        }
        if (TimestampHeader is null)
        {
            return;
        }
        if (IsPart ? TimestampHeader.Length is <= 5 or > 64 || Prefix is null : !HeaderNames.IsToken(TimestampHeader) || TimestampHeader.Contains('*', StringComparison.Ordinal))
        {
            errors.Add(Field + "timestampHeader", "must be the name of a header, or, where prefix is set, part: and what the timestamp begins with, such as part:t=");
        }
        else if (!IsSignature || ContentTemplate?.Contains("{timestamp}", StringComparison.Ordinal) != true)
        {
            errors.Add(Field + "timestampHeader", "is of no use unless contentTemplate has {timestamp}: anyone can change a timestamp that is not signed");
        }
    }

    private static void CheckPath(string field, string? path, FieldErrors errors)
    {
        if (path is not null && (path.Length is 0 or > MostCharacters || !ValueTemplate.TryParse(AsTemplate(path), out var template, out _)
            || !template.Sources.Any() || Array.Exists(ForVendorsOnly, template.Uses) || template.Uses("body") || template.Uses("timestamp")))
        {
            errors.Add(Field + field, "must be a path in the body such as data.id, or header:Name, query:name or form:name, or a template such as {header:X-Kind}.{body:action}");
        }
    }

    private static IReadOnlyList<ValueTemplate> Templates(string? path) => path is null ? [] : [ValueTemplate.Parse(AsTemplate(path))];

    private static string AsTemplate(string path) =>
        path.Contains('{', StringComparison.Ordinal) ? path
        : Array.Exists(Places, place => path.StartsWith(place, StringComparison.Ordinal)) ? $"{{{path}}}"
        : $"{{body:{path}}}";
}
