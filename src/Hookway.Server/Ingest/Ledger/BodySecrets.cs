using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;

namespace Hookway.Ingest.Ledger;

/// <summary>Secrets that vendors write into bodies (a passcode, a client state, a token that they hand over), hidden from those who may only read.</summary>
internal static class BodySecrets
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A request as it may be shown to those who may not change sources.</summary>
    public static EventRequest Hide(VendorPreset vendor, EventRequest request) =>
        request.Body is { } body && vendor.BodySecrets.Any() ? request with { Body = Hide([.. vendor.BodySecrets], request, body) } : request;

    private static byte[] Hide(List<ValueSource> places, EventRequest request, byte[] body)
    {
        var secrets = ValuesOf(places, request, body);
        if (secrets.Count == 0)
        {
            return body;
        }
        var shown = Encoding.UTF8.GetString(body);
        foreach (var secret in secrets.OrderByDescending(secret => secret.Length))
        {
            foreach (var options in (JsonSerializerOptions[])[Plain, JsonSerializerOptions.Default])
            {
                shown = shown.Replace(JsonSerializer.Serialize(secret, options), $"\"{Source.Mask}\"", StringComparison.Ordinal);
            }
        }
        var hidden = Encoding.UTF8.GetBytes(shown);
        // It may be written otherwise than that, or stand elsewhere too.
        return ValuesOf(places, request, hidden).TrueForAll(left => left == Source.Mask) && !secrets.Exists(secret => shown.Contains(secret, StringComparison.Ordinal))
            ? hidden
            : Encoding.UTF8.GetBytes(Source.Mask);
    }

    private static List<string> ValuesOf(List<ValueSource> places, EventRequest request, byte[] body)
    {
        var read = new VendorRequest("POST", "http://source/", request.Headers, body, DateTimeOffset.UnixEpoch);
        return [.. places.SelectMany(place => place.All(read)).OfType<string>().Where(value => value.Length > 0).Distinct()];
    }
}
