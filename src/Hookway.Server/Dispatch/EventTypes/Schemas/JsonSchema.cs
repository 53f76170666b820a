using System.Text.Json;
using Hookway.Api;

namespace Hookway.Dispatch.EventTypes.Schemas;

/// <summary>
/// A JSON Schema (2020-12), read once and then checked against many values. What it takes to judge a value is bounded, whatever the schema and the value.
/// The keywords are those of docs/reference/event-type-schemas.md.
/// </summary>
public sealed class JsonSchema
{
    public const int MostBytes = 64 * 1024;

    /// <summary>The most that a value is blamed for.</summary>
    public const int MostErrors = 20;

    private const long LeastWork = 1_000_000;
    private const long WorkPerByte = 16;

    private readonly SchemaNode _root;

    private JsonSchema(SchemaNode root) => _root = root;

    /// <summary>Reads a schema; null, with what is wrong with it, when it cannot be used.</summary>
    /// <param name="field">Under which name the errors are added.</param>
    public static JsonSchema? Read(ReadOnlyMemory<byte> json, string field, FieldErrors errors)
    {
        if (json.Length > MostBytes)
        {
            errors.Add(field, $"must be at most {MostBytes} bytes");
            return null;
        }
        var reader = new SchemaReader(problem => errors.Add(field, problem));
        return reader.Read(RawJson.Element(json)!.Value) is { } root ? new JsonSchema(root) : null;
    }

    /// <summary>What is wrong with a value, by JSON pointers into it; null when it matches.</summary>
    /// <param name="size">Of the value in bytes, which bounds the work it may make.</param>
    public FieldErrors? Check(JsonElement value, int size)
    {
        var work = LeastWork + (size * WorkPerByte);
        // Most values match: only one that does not is worth looking at for what to say.
        var quick = new SchemaCheck(work);
        if (quick.Matches(_root, value))
        {
            return null;
        }
        var errors = new FieldErrors();
        if (!quick.IsExhausted)
        {
            var thorough = new SchemaCheck(work, errors);
            thorough.Matches(_root, value);
        }
        if (!errors.Any)
        {
            errors.Add("", "takes more work to be judged by its schema than is allowed");
        }
        return errors;
    }
}
