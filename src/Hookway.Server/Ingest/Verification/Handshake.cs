using System.Text;
using System.Text.Json;
using Hookway.Api;

namespace Hookway.Ingest.Verification;

/// <summary>A request by which a vendor asks whether this URL is meant for it, or brings a secret: when it is one, and what to answer. Answering calls nobody.</summary>
/// <param name="Name">What the vendor calls it.</param>
/// <param name="When">All must hold: a place of the request (or <c>method</c>) and its value; <c>*</c> for any, <c>{urlToken}</c> for the last part of the ingest URL.</param>
/// <param name="Answer">The answer.</param>
/// <param name="Unverified">It is answered whatever its signature: the vendor does not sign it.</param>
/// <param name="Event">It is kept as an event too.</param>
/// <param name="Secret">The signing secret that it brings, to be taken over by a source that has none.</param>
/// <param name="Visit">A URL that confirms when it is fetched, which is left to the caller.</param>
/// <param name="VisitHosts">The only hosts of that URL.</param>
public sealed record Handshake(
    string Name, IReadOnlyDictionary<string, string> When, HandshakeAnswer Answer, bool Unverified = false, bool Event = false, ValueTemplate? Secret = null,
    ValueTemplate? Visit = null, IReadOnlyList<string>? VisitHosts = null)
{
    private const string Any = "*";
    private const int MostSecretCharacters = 1024;

    /// <summary>What to do with a request that is a handshake of this vendor; null when it is none, or when it should have been signed and was not.</summary>
    /// <param name="verdict">Of the same request.</param>
    /// <param name="secrets">The source's secrets; the one that matched, or else the first, makes what the vendor wants to see signed.</param>
    /// <param name="urlToken">The last part of the source's ingest URL.</param>
    public static HandshakeOutcome? Find(VendorPreset vendor, VendorRequest request, Verdict verdict, IReadOnlyList<string> secrets, string urlToken)
    {
        var values = new TemplateValues(Secret: secrets.ElementAtOrDefault((verdict.Evidence?.SecretMatched ?? 1) - 1), UrlToken: urlToken);
        foreach (var handshake in vendor.Handshakes)
        {
            var offered = handshake.OfferedSecret(request);
            if (handshake.Secret is not null && offered is null)
            {
                // It is let in unsigned for the secret that it brings, and brings none.
                continue;
            }
            if (handshake.Holds(request, values) && (handshake.Unverified || verdict.Status is not SignatureStatus.Failed)
                && handshake.Answer.For(request, values) is { } answer)
            {
                return new HandshakeOutcome(handshake.Name, answer, handshake.Event, offered, handshake.VisitFor(request, verdict));
            }
        }
        return null;
    }

    /// <summary>Whether a request brings a secret, and so is for nobody else.</summary>
    public static bool BringsSecret(VendorPreset vendor, VendorRequest request) => vendor.Handshakes.Any(handshake => handshake.OfferedSecret(request) is not null);

    private bool Holds(VendorRequest request, TemplateValues values)
    {
        foreach (var (place, wanted) in When)
        {
            var source = ValueSource.Parse(place);
            var holds = wanted switch
            {
                Any => source.IsIn(request),
                "{urlToken}" => source.First(request) is { } token && values.UrlToken is { } urlToken && SignatureBytes.SameText(token, urlToken),
                _ => source.First(request) == wanted,
            };
            if (!holds)
            {
                return false;
            }
        }
        return true;
    }

    private string? OfferedSecret(VendorRequest request) =>
        Secret?.For(request) is { Length: > 0 and <= MostSecretCharacters } secret && HeaderNames.IsValue(secret) ? secret : null;

    private Uri? VisitFor(VendorRequest request, Verdict verdict) =>
        verdict.IsVerified && Visit?.For(request) is { } text && Uri.TryCreate(text, UriKind.Absolute, out var url)
        && CertificateKey.IsOn(url, VisitHosts ?? []) ? url : null;
}

/// <summary>An answer as data.</summary>
/// <param name="Text">A template of the body.</param>
/// <param name="Json">A body of JSON: its texts are templates.</param>
/// <param name="Headers">Templates by name.</param>
public sealed record HandshakeAnswer(
    int Status, string? ContentType = null, ValueTemplate? Text = null, JsonElement? Json = null, IReadOnlyDictionary<string, ValueTemplate>? Headers = null)
{
    private const int MostCharacters = 4096;

    /// <summary>The answer to a request; null when a value that it needs is missing, or is nothing to be sent back.</summary>
    public ReadyAnswer? For(VendorRequest request, TemplateValues values)
    {
        var headers = new List<KeyValuePair<string, string>>();
        foreach (var (name, template) in Headers ?? new Dictionary<string, ValueTemplate>())
        {
            if (template.For(request, values) is not { Length: <= MostCharacters } value || !HeaderNames.IsValue(value))
            {
                return null;
            }
            headers.Add(new(name, value));
        }
        if (Json is { } json)
        {
            return Fill(json, request, values) is { } filled ? new ReadyAnswer(Status, "application/json", filled, headers) : null;
        }
        if (Text is null)
        {
            return new ReadyAnswer(Status, null, [], headers);
        }
        return Text.For(request, values) is { Length: <= MostCharacters } text && HeaderNames.IsValue(text) ? new ReadyAnswer(Status, ContentType ?? "text/plain", Encoding.UTF8.GetBytes(text), headers) : null;
    }

    private static byte[]? Fill(JsonElement json, VendorRequest request, TemplateValues values)
    {
        var filled = new Dictionary<string, object?>();
        foreach (var member in json.EnumerateObject())
        {
            if (member.Value.ValueKind is not JsonValueKind.String)
            {
                filled[member.Name] = member.Value;
                continue;
            }
            if (ValueTemplate.Parse(member.Value.GetString()!).For(request, values) is not { Length: <= MostCharacters } text)
            {
                return null;
            }
            filled[member.Name] = text;
        }
        // Not relaxed: what came from outside is written back with < and > escaped.
        return JsonSerializer.SerializeToUtf8Bytes(filled);
    }
}

/// <summary>An answer ready to be sent. Whoever sends it adds <c>X-Content-Type-Options: nosniff</c>: it may hold what the caller sent.</summary>
public sealed record ReadyAnswer(int Status, string? ContentType, byte[] Body, IReadOnlyList<KeyValuePair<string, string>> Headers);

/// <summary>What to do with a handshake.</summary>
/// <param name="IsEvent">It is kept as an event too.</param>
/// <param name="OfferedSecret">The signing secret that it brings; only a source that has none may take it.</param>
/// <param name="Visit">A URL on the vendor's own hosts to be fetched, by a verified request only; through the guarded sender.</param>
public sealed record HandshakeOutcome(string Name, ReadyAnswer Answer, bool IsEvent, string? OfferedSecret, Uri? Visit);
