using System.Buffers;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Text.Unicode;

namespace Hookway.Api;

/// <summary>Reads request bodies: bounded, strict, and with errors that name the field.</summary>
public static partial class JsonInput
{
    /// <summary>The most bytes of a body that describes configuration.</summary>
    public const int ConfigurationLimit = 256 * 1024;

    /// <summary>Under this key an exception carries where in the value of its field the fault lies.</summary>
    public const string PathInValue = "pathInValue";

    /// <summary>Reads a body into a record; the problem is null when it fits.</summary>
    public static async Task<(T? Value, Problem? Problem)> Read<T>(HttpContext http, bool allowEmpty = false) where T : class
    {
        var (body, problem) = await ReadBytes(http, ConfigurationLimit, "The request body");
        if (problem is not null)
        {
            return (null, problem);
        }
        if (allowEmpty && body.Length == 0)
        {
            body = "{}"u8.ToArray();
        }
        if (!Utf8.IsValid(body.Span))
        {
            return (null, Problem.BadRequest("invalid_json", "The request body is not valid UTF-8."));
        }
        if (!IsObject(body.Span))
        {
            return (null, NotAnObject());
        }
        try
        {
            var value = JsonSerializer.Deserialize<T>(body.Span, ApiJson.Options)!;
            return StorableText.Problem(value) is { } unstorable ? (null, unstorable) : (value, null);
        }
        catch (JsonException e)
        {
            return (null, Explain(e));
        }
    }

    /// <summary>Reads the whole body, up to a limit that also holds for bodies of unknown length.</summary>
    /// <param name="limit">The most bytes; one more is a 413.</param>
    /// <param name="what">What is too large, for the answer.</param>
    public static async Task<(ReadOnlyMemory<byte> Body, Problem? Problem)> ReadBytes(HttpContext http, int limit, string what)
    {
        if (http.Request.ContentLength > limit)
        {
            return (default, Problem.TooLarge(what, limit));
        }
        var reader = http.Request.BodyReader;
        while (true)
        {
            var result = await reader.ReadAsync(http.RequestAborted);
            if (result.Buffer.Length > limit)
            {
                reader.AdvanceTo(result.Buffer.End);
                return (default, Problem.TooLarge(what, limit));
            }
            if (result.IsCompleted)
            {
                ReadOnlyMemory<byte> body = result.Buffer.ToArray();
                reader.AdvanceTo(result.Buffer.End);
                return (body, null);
            }
            reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    /// <summary>What is wrong with JSON that does not parse or does not fit, by field where the parser knows it.</summary>
    public static Problem Explain(JsonException e)
    {
        var path = e.Path + e.Data[PathInValue];
        if (UnknownMember().Match(e.Message) is { Success: true } unknown)
        {
            return Problem.Invalid(FieldOf(path, unknown.Groups[1].Value), "is not a field of this request");
        }
        if (e.Message.StartsWith("Duplicate property", StringComparison.Ordinal))
        {
            var name = Quoted().Match(e.Message) is { Success: true } quoted ? quoted.Groups[1].Value : FieldOf(path, null);
            return Problem.Invalid(name, "stands in the request twice");
        }
        var field = FieldOf(path, null);
        // The parser's own errors (a syntax error) have an inner exception; those of a value of the wrong type do not always.
        if (e.InnerException is JsonException || e.Path is null || field == "body")
        {
            return Problem.BadRequest("invalid_json", $"The request body is not valid JSON (line {(e.LineNumber ?? 0) + 1}, byte {e.BytePositionInLine ?? 0}).");
        }
        return Problem.Invalid(field, e.Message.StartsWith("must ", StringComparison.Ordinal) ? WithoutPath(e.Message) : "has a value of the wrong type");
    }

    /// <summary>Whether what comes first is an object, if it is JSON at all.</summary>
    public static bool IsObject(ReadOnlySpan<byte> body) => body.TrimStart(" \t\r\n"u8) is [(byte)'{', ..];

    public static Problem NotAnObject() => Problem.BadRequest("invalid_json", "The request body must be a JSON object.");

    private static string WithoutPath(string message) =>
        message.IndexOf(" Path: ", StringComparison.Ordinal) is var at and > 0 ? message[..at] : message;

    private static string FieldOf(string? path, string? last)
    {
        var field = path is null or "$" ? "" : path.StartsWith("$.", StringComparison.Ordinal) ? path[2..] : path.TrimStart('$');
        if (last is null)
        {
            return field.Length == 0 ? "body" : field;
        }
        return field.Length == 0 || field == last || field.EndsWith("." + last, StringComparison.Ordinal)
            ? (field.Length == 0 ? last : field)
            : $"{field}.{last}";
    }

    [GeneratedRegex("^The JSON property '(.*)' could not be mapped")]
    private static partial Regex UnknownMember();

    [GeneratedRegex("'([^']*)'")]
    private static partial Regex Quoted();
}
