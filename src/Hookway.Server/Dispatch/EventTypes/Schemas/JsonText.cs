using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Hookway.Dispatch.EventTypes.Schemas;

/// <summary>The text of JSON strings and names, also of those that hold half of a surrogate pair, which JSON can write and most readers refuse.</summary>
internal static class JsonText
{
    /// <summary>The text of a string.</summary>
    public static string Of(JsonElement element) => Decode(JsonMarshal.GetRawUtf8Value(element)[1..^1]);

    /// <summary>The name of a property.</summary>
    public static string NameOf(JsonProperty property) => Decode(JsonMarshal.GetRawUtf8PropertyName(property));

    /// <summary>The number of code points in a text; half of a surrogate pair is one.</summary>
    public static int Length(string text)
    {
        var count = text.Length;
        for (var i = 1; i < text.Length; i++)
        {
            count -= char.IsSurrogatePair(text[i - 1], text[i]) ? 1 : 0;
        }
        return count;
    }

    private static string Decode(ReadOnlySpan<byte> raw)
    {
        if (!raw.Contains((byte)'\\'))
        {
            return Encoding.UTF8.GetString(raw);
        }
        var text = new StringBuilder(raw.Length);
        while (raw.IndexOf((byte)'\\') is >= 0 and var at)
        {
            text.Append(Encoding.UTF8.GetString(raw[..at]));
            var isCode = raw[at + 1] == 'u';
            text.Append(isCode ? (char)int.Parse(raw.Slice(at + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) : Unescape(raw[at + 1]));
            raw = raw[(at + (isCode ? 6 : 2))..];
        }
        return text.Append(Encoding.UTF8.GetString(raw)).ToString();
    }

    private static char Unescape(byte escaped) => (char)escaped switch
    {
        'b' => '\b',
        'f' => '\f',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        var itself => itself,
    };
}
