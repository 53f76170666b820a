using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Hookway.Api;

namespace Hookway.Access.Portals;

/// <summary>How a portal looks.</summary>
/// <param name="Mode">light, dark or auto.</param>
/// <param name="PrimaryColor">Such as <c>#1a56db</c>.</param>
/// <param name="LogoUrl">An image as a data URL.</param>
/// <param name="FontFamily">Names of installed fonts.</param>
public sealed partial record PortalTheme(
    string Mode,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? PrimaryColor = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? LogoUrl = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? FontFamily = null)
{
    private const int MostLogoBytes = 64 * 1024;
    private const int MostFontCharacters = 200;
    private static readonly string[] Modes = ["light", "dark", "auto"];

    /// <summary>A portal that nobody themed.</summary>
    public static PortalTheme Default { get; } = new("auto");

    /// <summary>Reads a request's <c>theme</c>: a mode, or an object; adds what is wrong.</summary>
    public static PortalTheme From(JsonElement? given, FieldErrors errors)
    {
        if (given is not { ValueKind: not JsonValueKind.Null } theme)
        {
            return Default;
        }
        if (theme.ValueKind is JsonValueKind.String)
        {
            return new PortalTheme(ModeOf(RawJson.Text(theme), "theme", errors));
        }
        if (theme.ValueKind is not JsonValueKind.Object)
        {
            errors.Add("theme", $"must be {string.Join(", ", Modes)}, or an object");
            return Default;
        }
        var read = Default;
        foreach (var (name, text) in Fields(theme, errors))
        {
            var field = "theme." + name;
            read = name switch
            {
                "mode" => read with { Mode = ModeOf(text, field, errors) },
                "primaryColor" => read with { PrimaryColor = Checked(text, field, Color().IsMatch(text), "must be a colour such as #1a56db", errors) },
                "fontFamily" => read with
                {
                    FontFamily = Checked(text, field, text.Length <= MostFontCharacters && Fonts().IsMatch(text), $"must be 1 to {MostFontCharacters} of A-Z a-z 0-9 space , -", errors),
                },
                "logoUrl" => read with { LogoUrl = Checked(text, field, IsLogo(text), $"must be data:image/png, jpeg or webp in base64, an image of at most {MostLogoBytes} bytes", errors) },
                _ => Unknown(read, field, errors),
            };
        }
        return read;
    }

    public string ToJson() => JsonSerializer.Serialize(this, ApiJson.Options);

    public static PortalTheme FromJson(string? json) => json is null ? Default : JsonSerializer.Deserialize<PortalTheme>(json, ApiJson.Options)!;

    /// <summary>The fields that are texts; null counts as absent.</summary>
    private static IEnumerable<(string Name, string Text)> Fields(JsonElement theme, FieldErrors errors)
    {
        foreach (var property in theme.EnumerateObject())
        {
            if (property.Value.ValueKind is JsonValueKind.Null)
            {
                continue;
            }
            if (property.Value.ValueKind is JsonValueKind.String && RawJson.Text(property.Value) is { } text)
            {
                yield return (property.Name, text);
            }
            else
            {
                errors.Add("theme." + property.Name, "must be a text");
            }
        }
    }

    private static string ModeOf(string? text, string field, FieldErrors errors)
    {
        if (text is not null && Modes.Contains(text))
        {
            return text;
        }
        errors.Add(field, $"must be {string.Join(", ", Modes)}");
        return Default.Mode;
    }

    private static string Checked(string text, string field, bool isGood, string otherwise, FieldErrors errors)
    {
        if (!isGood)
        {
            errors.Add(field, otherwise);
        }
        return text;
    }

    private static PortalTheme Unknown(PortalTheme theme, string field, FieldErrors errors)
    {
        errors.Add(field, "is not a field of this request");
        return theme;
    }

    /// <summary>An image that is what its data URL says: a browser is told nothing else.</summary>
    private static bool IsLogo(string text)
    {
        if (Logo().Match(text) is not { Success: true } match)
        {
            return false;
        }
        var base64 = text.AsSpan(match.Length);
        var bytes = new byte[MostLogoBytes + 3];
        return base64.Length <= bytes.Length * 4 / 3 && Convert.TryFromBase64Chars(base64, bytes, out var length) && length <= MostLogoBytes
            && match.Groups[1].Value switch
            {
                "png" => bytes.AsSpan(0, 8).SequenceEqual<byte>([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]),
                "jpeg" => bytes.AsSpan(0, 3).SequenceEqual<byte>([0xFF, 0xD8, 0xFF]),
                _ => bytes.AsSpan(0, 4).SequenceEqual("RIFF"u8) && bytes.AsSpan(8, 4).SequenceEqual("WEBP"u8),
            };
    }

    [GeneratedRegex("^data:image/(png|jpeg|webp);base64,", RegexOptions.CultureInvariant)]
    private static partial Regex Logo();

    [GeneratedRegex("^#[0-9a-fA-F]{6}\\z", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Color();

    [GeneratedRegex("^[A-Za-z0-9 ,-]+\\z", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Fonts();
}
