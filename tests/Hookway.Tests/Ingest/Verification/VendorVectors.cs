using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Hookway.Ingest.Verification;
using Hookway.Tests.Support;

namespace Hookway.Tests.Ingest.Verification;

/// <summary>A request of <c>vendors.jsonl</c> and what is expected of it; see VECTORS.md for where they come from.</summary>
public sealed record VendorVector(
    string Vendor, string Case, string Library, string Secret, string SecretKind, string Method, string Url, IReadOnlyDictionary<string, string> Headers,
    string BodyBase64, string Expect, string Note, long Now, string? Certificate = null, VendorFacts? Facts = null)
{
    /// <summary>The request as it arrives, on the given URL.</summary>
    [JsonIgnore]
    public VendorRequest Request => With();

    [JsonIgnore]
    public VendorPreset Preset => VendorCatalog.Find(Vendor)!;

    [JsonIgnore]
    public Verifier Verifier => new(Preset.Scheme, Secret.Length == 0 ? [] : [Secret]);

    [JsonIgnore]
    public CertificateLookup? Certificates => Certificate is null ? null : _ => Encoding.ASCII.GetBytes(Certificate);

    [JsonIgnore]
    public SignatureStatus Expected => Enum.Parse<SignatureStatus>(Expect, ignoreCase: true);

    public Verdict Verify(VendorRequest request) => Verifier.Verify(request, Certificates);

    /// <summary>The request with something changed.</summary>
    public VendorRequest With(
        IEnumerable<KeyValuePair<string, string>>? headers = null, byte[]? body = null, DateTimeOffset? at = null, string? url = null, string? method = null) => new(
        method ?? Method, url ?? Url, [.. headers ?? Headers], body ?? Convert.FromBase64String(BodyBase64), at ?? DateTimeOffset.FromUnixTimeSeconds(Now));

    public override string ToString() => $"{Vendor}/{Case}";
}

/// <summary>What is to be read from a request; type and entity may be lists.</summary>
public sealed record VendorFacts(string? Id, JsonElement Type, JsonElement Entity, DateTimeOffset? Time)
{
    public static string[] Texts(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Array => [.. element.EnumerateArray().Select(item => item.GetString()!)],
        JsonValueKind.String => [element.GetString()!],
        _ => [],
    };
}

/// <summary>Reads <c>vendors.jsonl</c> and <c>more-vendors.jsonl</c>.</summary>
public static class VendorVectors
{
    public static string Folder { get; } = Path.Combine(Repository.Tests, "Ingest", "Verification");

    public static IReadOnlyList<VendorVector> All { get; } = [.. Read("vendors.jsonl"), .. Read("more-vendors.jsonl")];

    /// <summary>A good request of each vendor.</summary>
    public static IReadOnlyList<VendorVector> Good { get; } = [.. All.Where(vector => vector.Case == "good")];

    public static VendorVector Find(string vendor, string name = "good") => All.Single(vector => vector.Vendor == vendor && vector.Case == name);

    private static IEnumerable<VendorVector> Read(string file) =>
        File.ReadLines(Path.Combine(Folder, file)).Select(line => JsonSerializer.Deserialize<VendorVector>(line, JsonSerializerOptions.Web)!);
}
