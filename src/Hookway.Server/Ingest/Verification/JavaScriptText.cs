using System.Globalization;
using System.Text;

namespace Hookway.Ingest.Verification;

/// <summary>Writes text as JavaScript's <c>JSON.stringify</c> does, which some vendors sign: it escapes less than .NET.</summary>
internal static class JavaScriptText
{
    public static string Quote(string text)
    {
        var quoted = new StringBuilder(text.Length + 2).Append('"');
        foreach (var character in text)
        {
            quoted.Append(character switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\b' => "\\b",
                '\f' => "\\f",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                < ' ' => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}"),
                _ => character.ToString(),
            });
        }
        return quoted.Append('"').ToString();
    }
}
