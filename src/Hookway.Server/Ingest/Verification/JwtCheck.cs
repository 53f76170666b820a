using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Hookway.Api;

namespace Hookway.Ingest.Verification;

/// <summary>Vendors that send a JSON Web Token, most with a hash of the body among its claims. The algorithm is the scheme's; the token's own word on it only has to agree.</summary>
internal static class JwtCheck
{
    private const int MostCharacters = 16 * 1024;

    public static void Run(VerificationScheme scheme, SignatureReader reader, IReadOnlyList<VerificationKey> keys, Check check)
    {
        if (reader.Values(check) is not { } values)
        {
            return;
        }
        var text = scheme.Prefix is { } prefix && values[0].StartsWith(prefix, StringComparison.OrdinalIgnoreCase) ? values[0][prefix.Length..].Trim() : values[0];
        var parts = text.Length <= MostCharacters ? text.Split('.') : [];
        if (parts is not [var head, var body, var tail] || Json(head) is not { } header || Json(body) is not { } claims
            || SignatureBytes.Decode(tail, SignatureEncoding.Base64Url) is not { } signature)
        {
            check.Fail(VerdictReasons.SignatureMalformed, $"What stands in {reader.Place} is not a JSON Web Token.");
            return;
        }
        if (Text(header, "alg") != AlgorithmOf(scheme) || BodyPath.TryStep(header, "crit", out _))
        {
            check.Fail(VerdictReasons.AlgorithmRefused, $"The token is not signed by {AlgorithmOf(scheme)}, which is the only algorithm taken here.");
            return;
        }
        var signed = Encoding.ASCII.GetBytes($"{head}.{body}");
        var matches = false;
        foreach (var key in keys)
        {
            if (key.MatchesAny(signed, [signature]))
            {
                matches = true;
                check.Matched = key.Secret;
            }
        }
        if (!matches)
        {
            check.Fail(VerdictReasons.SignatureMismatch, "The token's signature does not match: it was changed, or was signed with another secret.");
            return;
        }
        JudgeTime(scheme.Jwt!, claims, check);
        JudgeClaims(scheme.Jwt!, claims, check);
    }

    private static string AlgorithmOf(VerificationScheme scheme) => scheme.Algorithm switch
    {
        VerificationAlgorithm.JwtEs256 => "ES256",
        VerificationAlgorithm.JwtRs256 => "RS256",
        _ => "HS256",
    };

    private static void JudgeTime(JwtClaims wanted, JsonElement claims, Check check)
    {
        var leeway = TimeSpan.FromSeconds(wanted.LeewaySeconds);
        var now = check.Request.ReceivedAt;
        check.Timestamp = Number(claims, "iat") ?? Number(claims, "exp");
        check.SignedAt = Time(claims, "iat");
        foreach (var name in new[] { "iat", "exp", "nbf" })
        {
            if (BodyPath.TryStep(claims, name, out _) && Time(claims, name) is null)
            {
                check.Fail(VerdictReasons.TimestampMalformed, $"The token's {name} is not a time in seconds.");
                return;
            }
        }
        if (Time(claims, "exp") is { } expires && now > expires + leeway)
        {
            check.Fail(VerdictReasons.TimestampTooOld, $"The token expired {Math.Floor((now - expires).TotalSeconds)} s before the request arrived. It may be a replay of an earlier one.");
        }
        if (Time(claims, "nbf") is { } begins && now < begins - leeway)
        {
            check.Fail(VerdictReasons.TimestampTooNew, $"The token is good only {Math.Ceiling((begins - now).TotalSeconds)} s after the request arrived.");
        }
        if (wanted.MaxAgeSeconds is not { } most)
        {
            return;
        }
        if (check.SignedAt is not { } issued)
        {
            check.Fail(VerdictReasons.TimestampMissing, "The token has no iat.");
        }
        else if ((now - issued).TotalSeconds > most)
        {
            check.Fail(VerdictReasons.TimestampTooOld, $"The token is {Math.Floor((now - issued).TotalSeconds)} s old: more than the {most} s allowed. It may be a replay of an earlier one.");
        }
        else if ((issued - now).TotalSeconds > most)
        {
            check.Fail(VerdictReasons.TimestampTooNew, $"The token's time lies {Math.Floor((issued - now).TotalSeconds)} s ahead: more than the {most} s allowed.");
        }
    }

    private static void JudgeClaims(JwtClaims wanted, JsonElement claims, Check check)
    {
        var request = check.Request;
        if (wanted.Issuer is { } issuer && Text(claims, "iss") != issuer)
        {
            check.Fail(VerdictReasons.ClaimUnexpected, $"The token's iss is not {issuer}.");
        }
        if (wanted.Subject is { } subject && Text(claims, "sub") != subject.For(request))
        {
            check.Fail(VerdictReasons.UrlHashMismatch, "The token's sub is not the URL that was called.");
        }
        if (wanted.BodyHash is { } body && !(body.OnlyWithBody && request.Body.IsEmpty && Text(claims, body.Claim) is null) && !HashIs(claims, body, request.Body.Span))
        {
            check.Fail(VerdictReasons.BodyHashMismatch, $"The token's {body.Claim} is not the SHA-256 of the body: the body was changed.");
        }
        if (wanted.UrlHash is { } url && !HashIs(claims, url, Encoding.UTF8.GetBytes(request.Url)))
        {
            check.Fail(VerdictReasons.UrlHashMismatch, $"The token's {url.Claim} is not the SHA-256 of the URL. If it was not changed, set publicUrl to the URL as the vendor has it.");
        }
        if (wanted.QueryHash && !HashIs(claims, new HashClaim("qsh", SignatureEncoding.Hex), Encoding.UTF8.GetBytes(AtlassianRequest(request))))
        {
            check.Fail(VerdictReasons.UrlHashMismatch, "The token's qsh is not the hash of this method, path and query. If they were not changed, set publicUrl to the URL as the vendor has it.");
        }
    }

    /// <summary>Atlassian's canonical form: method, path, and the query by name without the token.</summary>
    private static string AtlassianRequest(VendorRequest request)
    {
        var path = Uri.TryCreate(request.Url, UriKind.Absolute, out var uri) ? uri.AbsolutePath.TrimEnd('/') : "";
        var query = request.Query.Where(pair => pair.Key != "jwt")
            .GroupBy(pair => pair.Key, pair => pair.Value).Select(group => (Name: Escape(group.Key), Values: group.Select(Escape).Order(StringComparer.Ordinal)))
            .OrderBy(item => item.Name, StringComparer.Ordinal).Select(item => $"{item.Name}={string.Join(',', item.Values)}");
        return $"{request.Method.ToUpperInvariant()}&{(path.Length == 0 ? "/" : path.Replace("&", "%26", StringComparison.Ordinal))}&{string.Join('&', query)}";
    }

    private static string Escape(string text) => Uri.EscapeDataString(text);

    private static bool HashIs(JsonElement claims, HashClaim claim, ReadOnlySpan<byte> content) =>
        Text(claims, claim.Claim) is { } text && SignatureBytes.Decode(text, claim.Encoding) is { } hash
        && CryptographicOperations.FixedTimeEquals(SHA256.HashData(content), hash);

    private static JsonElement? Json(string part)
    {
        if (SignatureBytes.Decode(part.Length > 0 ? part : "-", SignatureEncoding.Base64Url) is not { } bytes)
        {
            return null;
        }
        try
        {
            using var document = JsonDocument.Parse(bytes);
            return document.RootElement.ValueKind is JsonValueKind.Object ? document.RootElement.Clone() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string? Text(JsonElement from, string name) =>
        BodyPath.TryStep(from, name, out var value) && value.ValueKind is JsonValueKind.String ? RawJson.Text(value) : null;

    private static string? Number(JsonElement from, string name) =>
        BodyPath.TryStep(from, name, out var value) && value.ValueKind is JsonValueKind.Number ? value.GetRawText() : null;

    private static DateTimeOffset? Time(JsonElement from, string name) =>
        Number(from, name) is { } text && Timestamps.Strict(text.Split('.')[0], TimestampUnit.Seconds) is { } time ? time : null;
}
