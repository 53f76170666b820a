using System.Text;
using System.Text.Json;
using Hookway.Tests.Support;

namespace Hookway.Tests.Webhooks;

/// <summary>One signed example of <c>standardwebhooks.json</c>: the bytes, the secrets and the signature expected.</summary>
public sealed record StandardWebhooksVector(
    string Name, string Secret, string VerifyWith, string Id, long Timestamp, string Payload, string Signature)
{
    public DateTimeOffset SignedAt => DateTimeOffset.FromUnixTimeSeconds(Timestamp);

    public byte[] Body => Encoding.UTF8.GetBytes(Payload);

    public override string ToString() => Name;
}

/// <summary>Reads <c>standardwebhooks.json</c>; see VECTORS.md for where it comes from.</summary>
public static class StandardWebhooksVectors
{
    private static readonly JsonElement Root = Load();

    public static IReadOnlyList<StandardWebhooksVector> All { get; } =
        [.. Made(), .. PublishedHmac(), .. PublishedEd25519()];

    public static IReadOnlyList<string> Decoys { get; } =
        [.. Root.GetProperty("decoys").EnumerateArray().Select(decoy => decoy.GetString()!)];

    /// <summary>This folder in the work tree.</summary>
    public static string Folder => Path.Combine(Repository.Tests, "Webhooks");

    private static IEnumerable<StandardWebhooksVector> Made()
    {
        foreach (var vector in Root.GetProperty("vectors").EnumerateArray())
        {
            yield return Read(vector, Text(vector, "secret"), Text(vector, "secret"), "signature");
            yield return Read(vector, Text(Root, "whsk"), Text(Root, "whpk"), "v1a");
        }
    }

    private static IEnumerable<StandardWebhooksVector> PublishedHmac() =>
        Root.GetProperty("published").EnumerateArray()
            .Select(vector => Read(vector, Text(vector, "secret"), Text(vector, "secret"), "signature"));

    private static IEnumerable<StandardWebhooksVector> PublishedEd25519() =>
        Root.GetProperty("published_asymmetric").EnumerateArray()
            .Select(vector => Read(vector, Text(vector, "whsk"), Text(vector, "whpk"), "signature"));

    private static StandardWebhooksVector Read(JsonElement vector, string secret, string verifyWith, string signature) =>
        new($"{Text(vector, "id")} {Text(vector, signature)}", secret, verifyWith, Text(vector, "id"),
            vector.GetProperty("timestamp").GetInt64(), Text(vector, "payload"), Text(vector, signature));

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static JsonElement Load()
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "standardwebhooks.json")));
        return document.RootElement.Clone();
    }
}
