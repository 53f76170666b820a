using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Components;

namespace Hookway.Ui;

/// <summary>JSON for people: indented and coloured, every text escaped. What is not JSON is shown as it is.</summary>
public static class JsonText
{
    private const int MostColoured = 256 * 1024;

    private static readonly JsonWriterOptions Indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 256 };

    public static MarkupString Html(string text) => Pretty(text) is { } pretty && pretty.Length <= MostColoured ? new MarkupString(Colour(pretty)) : new MarkupString(WebUtility.HtmlEncode(text));

    /// <summary>Indented; null when the text is not JSON.</summary>
    public static string? Pretty(string text)
    {
        if (text.AsSpan().TrimStart() is not ['{' or '[' or '"' or '-' or (>= '0' and <= '9') or 't' or 'f' or 'n', ..])
        {
            return null;
        }
        try
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text), new JsonReaderOptions { MaxDepth = 256 });
            var buffer = new ArrayBufferWriter<byte>();
            using var writer = new Utf8JsonWriter(buffer, Indented);
            while (reader.Read())
            {
                Copy(ref reader, writer);
            }
            writer.Flush();
            return Encoding.UTF8.GetString(buffer.WrittenSpan);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }

    private static void Copy(ref Utf8JsonReader reader, Utf8JsonWriter writer)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject: writer.WriteStartObject(); break;
            case JsonTokenType.EndObject: writer.WriteEndObject(); break;
            case JsonTokenType.StartArray: writer.WriteStartArray(); break;
            case JsonTokenType.EndArray: writer.WriteEndArray(); break;
            case JsonTokenType.PropertyName: writer.WritePropertyName(reader.GetString()!); break;
            // Numbers and strings as they were written: a page must not show 1.0 for 1.00.
            case JsonTokenType.String: writer.WriteRawValue(Raw(ref reader, 1)); break;
            case JsonTokenType.Number: writer.WriteRawValue(Raw(ref reader, 0)); break;
            case JsonTokenType.True: writer.WriteBooleanValue(true); break;
            case JsonTokenType.False: writer.WriteBooleanValue(false); break;
            case JsonTokenType.Null: writer.WriteNullValue(); break;
            default: break;
        }
    }

    private static byte[] Raw(ref Utf8JsonReader reader, int quotes)
    {
        var value = reader.ValueSpan;
        if (quotes == 0)
        {
            return value.ToArray();
        }
        var raw = new byte[value.Length + 2];
        raw[0] = raw[^1] = (byte)'"';
        value.CopyTo(raw.AsSpan(1));
        return raw;
    }

    /// <summary>Colours indented JSON by its tokens.</summary>
    private static string Colour(string json)
    {
        var html = new StringBuilder(json.Length * 2);
        for (var i = 0; i < json.Length;)
        {
            var c = json[i];
            var end = c switch
            {
                '"' => EndOfString(json, i),
                '-' or (>= '0' and <= '9') or (>= 'a' and <= 'z') => EndOfWord(json, i),
                _ => i + 1,
            };
            var kind = c switch
            {
                '"' => json.AsSpan(end) is [':', ..] ? "j-key" : "j-str",
                '-' or (>= '0' and <= '9') => "j-num",
                >= 'a' and <= 'z' => "j-lit",
                _ => null,
            };
            var text = WebUtility.HtmlEncode(json[i..end]);
            html.Append(kind is null ? text : string.Create(CultureInfo.InvariantCulture, $"<span class=\"{kind}\">{text}</span>"));
            i = end;
        }
        return html.ToString();
    }

    private static int EndOfString(string json, int start)
    {
        var i = start + 1;
        while (json[i] != '"')
        {
            i += json[i] == '\\' ? 2 : 1;
        }
        return i + 1;
    }

    private static int EndOfWord(string json, int start)
    {
        var i = start;
        while (i < json.Length && json[i] is '-' or '+' or '.' or (>= '0' and <= '9') or (>= 'a' and <= 'z') or 'E')
        {
            i++;
        }
        return i;
    }
}
