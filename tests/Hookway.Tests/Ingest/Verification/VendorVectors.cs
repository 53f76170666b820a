using System.Text.Json;
using System.Text.Json.Serialization;
using Hookway.Ingest.Verification;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Verification;

/// <summary>A request of <c>vendors.jsonl</c> and what is expected of it; see VECTORS.md for where they come from.</summary>
public sealed record VendorVector(
    string Vendor, string Case, string Library, string Secret, string SecretKind, string Method, string Url, IReadOnlyDictionary<string, string> Headers,
    string BodyBase64, string Expect, string Note, long Now)
{
    /// <summary>The request as it arrives, on the given URL.</summary>
    [JsonIgnore]
    public VendorRequest Request => With();

    [JsonIgnore]
    public VendorPreset Preset => VendorCatalog.Find(Vendor)!;

    [JsonIgnore]
    public Verifier Verifier => new(Preset.Scheme, [Secret]);

    /// <summary>The request with something changed.</summary>
    public VendorRequest With(
        IEnumerable<KeyValuePair<string, string>>? headers = null, byte[]? body = null, DateTimeOffset? at = null, string? url = null, string? method = null) => new(
        method ?? Method, url ?? Url, [.. headers ?? Headers], body ?? Convert.FromBase64String(BodyBase64), at ?? DateTimeOffset.FromUnixTimeSeconds(Now));

    public override string ToString() => $"{Vendor}/{Case}";
}

/// <summary>Reads <c>vendors.jsonl</c>.</summary>
public static class VendorVectors
{
    public static string Folder { get; } = Path.Combine(Repository.Tests, "Ingest", "Verification");

    public static IReadOnlyList<VendorVector> All { get; } =
        [.. File.ReadLines(Path.Combine(Folder, "vendors.jsonl")).Select(line => JsonSerializer.Deserialize<VendorVector>(line, JsonSerializerOptions.Web)!)];

    public static VendorVector Find(string vendor, string name = "good") => All.Single(vector => vector.Vendor == vendor && vector.Case == name);
}
