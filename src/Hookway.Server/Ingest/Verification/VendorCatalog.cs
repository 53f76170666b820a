using System.Collections.Frozen;
using System.Text.Json;
using Hookway.Api;

namespace Hookway.Ingest.Verification;

/// <summary>The vendors that Hookway knows: the files of the folder <c>Vendors</c>, each one record.</summary>
public static class VendorCatalog
{
    /// <summary>The vendor of sources that describe their own scheme.</summary>
    public const string Custom = "custom";

    private const string Folder = ".Ingest.Verification.Vendors.";
    private const string Ending = ".json";

    private static readonly Lazy<FrozenDictionary<string, VendorPreset>> ByKey = new(Load);

    /// <summary>All of them, by name.</summary>
    public static IReadOnlyList<VendorPreset> All { get; } = [.. ByKey.Value.Values.OrderBy(vendor => vendor.Name, StringComparer.OrdinalIgnoreCase)];

    /// <summary>The vendor with this key; null when there is none.</summary>
    public static VendorPreset? Find(string key) => ByKey.Value.GetValueOrDefault(key);

    private static FrozenDictionary<string, VendorPreset> Load()
    {
        var assembly = typeof(VendorCatalog).Assembly;
        var vendors = assembly.GetManifestResourceNames().Where(name => name.Contains(Folder, StringComparison.Ordinal)).Select(name =>
        {
            using var file = assembly.GetManifestResourceStream(name)!;
            var key = name[(name.IndexOf(Folder, StringComparison.Ordinal) + Folder.Length)..^Ending.Length];
            return JsonSerializer.Deserialize<VendorPreset>(file, ApiJson.Options)! with { Key = key };
        }).ToDictionary(vendor => vendor.Key, StringComparer.Ordinal);
        return vendors.Values.Select(vendor => vendor.SchemeOf is { } other ? vendor with { Scheme = vendors[other].Scheme } : vendor)
            .ToFrozenDictionary(vendor => vendor.Key, StringComparer.Ordinal);
    }
}
