using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Hookway.Tests.Support;

/// <summary>What a vendor and its user do with a server.</summary>
public static class IngestClient
{
    public const string Secret = "It's a Secret to Everybody";

    /// <summary>A new source; answers it as the API shows it.</summary>
    public static async Task<JsonElement> CreateSource(this TestServer server, string vendor = "github", object? more = null, string? secret = Secret)
    {
        var body = JsonSerializer.SerializeToNode(more ?? new { })!.AsObject();
        body["name"] ??= $"{vendor} feed";
        body["vendor"] = vendor;
        if (secret is not null)
        {
            body["signingSecret"] = secret;
        }
        return (await server.Post("/api/v1/ingest/sources", body)).Expect(201).Body;
    }

    public static string Id(this JsonElement source) => source.GetProperty("sourceId").GetString()!;

    /// <summary>The path of a source's ingest URL.</summary>
    public static string Path(this JsonElement source) => new Uri(source.GetProperty("ingestUrl").GetString()!).AbsolutePath;

    /// <summary>A request as a vendor sends it.</summary>
    public static Task<Answer> Deliver(this TestServer server, string path, byte[] body, string? contentType = "application/json", HttpMethod? method = null, params (string Name, string Value)[] headers)
    {
        var content = new ByteArrayContent(body);
        if (contentType is not null)
        {
            content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        }
        foreach (var (_, value) in headers.Where(header => header.Name.Equals("Content-Type", StringComparison.OrdinalIgnoreCase)))
        {
            content.Headers.TryAddWithoutValidation("Content-Type", value);
        }
        var isEmpty = body.Length == 0 && content.Headers.ContentType is null;
        return server.Request(
            method ?? HttpMethod.Post, path, isEmpty ? null : content, null, [.. headers.Where(header => !header.Name.Equals("Content-Type", StringComparison.OrdinalIgnoreCase))]);
    }

    /// <summary>An event of GitHub, signed.</summary>
    public static Task<Answer> DeliverGitHub(
        this TestServer server, JsonElement source, string delivery, object? payload = null, string secret = Secret, string type = "issues", params (string Name, string Value)[] more)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(payload ?? new { action = "opened", issue = new { id = 7, title = "Zoë ✓" }, sent = delivery });
        var signature = Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body));
        return server.Deliver(source.Path(), body, headers:
            [("X-GitHub-Event", type), ("X-GitHub-Delivery", delivery), ("X-Hub-Signature-256", "sha256=" + signature), .. more]);
    }

    public static async Task<JsonElement> Event(this TestServer server, string eventId) => (await server.Get($"/api/v1/ingest/events/{eventId}")).Expect(200).Body;

    public static async Task<JsonElement[]> Events(this TestServer server, JsonElement source, string more = "") =>
        (await server.Get($"/api/v1/ingest/events?sourceId={source.Id()}{more}")).Expect(200).Items;
}
