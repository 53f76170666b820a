using System.Collections.Frozen;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;

namespace Hookway.Ui;

/// <summary>The style sheet, the script and the icon of the pages, held in the program and served under names that change with their content.</summary>
public static class PageAssets
{
    private const string Folder = "/assets/";
    private const string Prefix = "Hookway.wwwroot.";

    private static readonly FrozenDictionary<string, Asset> All = new[]
    {
        Load("app.css", "text/css; charset=utf-8", "tokens.css", "base.css", "layout.css", "parts.css"),
        Load("app.js", "text/javascript; charset=utf-8", "app.js"),
        Load("icon.svg", "image/svg+xml", "icon.svg"),
    }.ToFrozenDictionary(asset => asset.Name);

    /// <summary>The address of one, for a page.</summary>
    public static string Url(string name) => $"{Folder}{All[name].Version}/{name}";

    public static void MapAssets(this IEndpointRouteBuilder routes) =>
        routes.MapGet(Folder + "{version}/{name}", (string version, string name, HttpContext http) =>
        {
            if (!All.TryGetValue(name, out var asset) || asset.Version != version)
            {
                return Results.NotFound();
            }
            http.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
            http.Response.Headers.XContentTypeOptions = "nosniff";
            return Results.Bytes(asset.Bytes, asset.ContentType);
        }).ExcludeFromDescription();

    private static Asset Load(string name, string contentType, params ReadOnlySpan<string> files)
    {
        var text = new StringBuilder();
        foreach (var file in files)
        {
            using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(Prefix + file)!);
            text.Append(reader.ReadToEnd()).Append('\n');
        }
        var bytes = Encoding.UTF8.GetBytes(text.ToString());
        return new Asset(name, contentType, bytes, Convert.ToHexStringLower(SHA256.HashData(bytes))[..12]);
    }

    private sealed record Asset(string Name, string ContentType, byte[] Bytes, string Version);
}
