namespace Hookway.Ui;

/// <summary>What the parts of any page need to know of the request that it answers.</summary>
/// <param name="Now">The time that relative times count from.</param>
/// <param name="FormToken">What each form carries so that it can only come from our own pages; null where the address itself is the authority.</param>
/// <param name="Theme">light, dark, or auto for what the system prefers.</param>
/// <param name="Path">The page's own path.</param>
/// <param name="Query">The page's own query, with its <c>?</c>; empty for none.</param>
/// <param name="Styles">More style sheets, by address.</param>
/// <param name="MayBeFramed">Whether pages of other origins may show it in a frame.</param>
public record FaceContext(DateTimeOffset Now, string? FormToken, string Theme, string Path, string Query, IReadOnlyList<string> Styles, bool MayBeFramed)
{
    public const string FormTokenField = "_token";
    private const string ThemeCookie = "hookway_theme";

    /// <summary>The theme a browser chose by the switch.</summary>
    public static string ThemeOf(HttpRequest request) => request.Cookies[ThemeCookie] is "light" or "dark" ? request.Cookies[ThemeCookie]! : "auto";

    /// <summary>Remembers a theme; the cookie says nothing else.</summary>
    public static void KeepTheme(HttpResponse response, string theme, bool secure) => response.Cookies.Append(
        ThemeCookie, theme, new CookieOptions { HttpOnly = true, SameSite = SameSiteMode.Lax, Secure = secure, MaxAge = TimeSpan.FromDays(365), Path = "/" });

    /// <summary>This page with one part of its query changed; null takes it away. A cursor belongs to the old query and is dropped.</summary>
    public string With(string name, string? value)
    {
        var query = Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(Query)
            .Where(pair => pair.Key != name && pair.Key is not ("cursor" or "said"))
            .SelectMany(pair => pair.Value.Select(item => KeyValuePair.Create(pair.Key, item)));
        return Microsoft.AspNetCore.WebUtilities.QueryHelpers.AddQueryString(Path, value is null ? query : query.Append(KeyValuePair.Create(name, (string?)value)));
    }

    /// <summary>The value in the page's query; null when it is absent or blank.</summary>
    public string? Asked(string name) =>
        Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(Query).TryGetValue(name, out var values) && values is [{ Length: > 0 } value, ..] ? value : null;
}
