using System.Buffers;

namespace Hookway.Api;

/// <summary>The grammar of HTTP header fields (RFC 9110 §5).</summary>
public static class HeaderNames
{
    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    public static bool IsToken(string text) => text.Length > 0 && text.AsSpan().IndexOfAnyExcept(TokenCharacters) < 0;

    /// <summary>Visible ASCII, spaces and tabs, neither first nor last: what every receiver reads alike.</summary>
    public static bool IsValue(string text) =>
        !text.AsSpan().ContainsAnyExcept(VisibleCharacters) && (text.Length == 0 || (text[0] is not (' ' or '\t') && text[^1] is not (' ' or '\t')));

    private static readonly SearchValues<char> VisibleCharacters =
        SearchValues.Create([.. Enumerable.Range(0x20, 0x7F - 0x20).Select(code => (char)code), '\t']);

    /// <summary>Headers as one object: of one that came twice, the values with a comma between them.</summary>
    public static IReadOnlyDictionary<string, string> Merge(IReadOnlyList<KeyValuePair<string, string>> headers) =>
        headers.GroupBy(header => header.Key, StringComparer.OrdinalIgnoreCase).ToDictionary(group => group.Key, group => string.Join(", ", group.Select(header => header.Value)));
}
