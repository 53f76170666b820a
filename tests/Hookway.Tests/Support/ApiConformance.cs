using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Hookway.Api;
using Hookway.Dispatch.EventTypes.Schemas;

namespace Hookway.Tests.Support;

/// <summary>Holds every answer that the tests see to the API's document: its status is one that the operation names, its body fits the schema given for it.</summary>
public static partial class ApiConformance
{
    private const string Definitions = "#/components/schemas/";

    /// <summary>Any route may answer so before its operation is looked at: a text with U+0000, a server that stops, a fault.</summary>
    private static readonly int[] StatusesOfThePipeline = [400, 404, 415, 500, 503];

    private static readonly JsonObject Document = JsonNode.Parse(Repository.Read("docs/reference/openapi.json"))!.AsObject();

    private static readonly (Regex Path, JsonObject Operations)[] Paths =
    [
        .. Document["paths"]!.AsObject().OrderBy(path => path.Key.Count(character => character == '{')).Select(path => (
            new Regex("^" + Regex.Replace(Regex.Escape(path.Key).Replace(@"\{", "{", StringComparison.Ordinal), @"\{\w+}", "[^/]+") + "$"), path.Value!.AsObject())),
    ];

    private static readonly ConcurrentDictionary<string, JsonSchema> Schemas = new();

    /// <summary>Every operation, by its id.</summary>
    public static IReadOnlyDictionary<string, JsonObject> Operations { get; } = Document["paths"]!.AsObject()
        .SelectMany(path => path.Value!.AsObject().Select(operation => operation.Value!.AsObject())).ToDictionary(operation => operation["operationId"]!.GetValue<string>());

    /// <summary>The id of the operation that a request asks for; null when it is none of the API's.</summary>
    public static string? OperationOf(HttpMethod method, string path) =>
        Find(method, path)?["operationId"]!.GetValue<string>();

    public static void Check(HttpMethod method, string path, Answer answer)
    {
        if (Find(method, path) is not { } operation)
        {
            return;
        }
        var name = $"{operation["operationId"]} answered {answer.Status}: {Encoding.UTF8.GetString(answer.Bytes.AsSpan(0, Math.Min(answer.Bytes.Length, 2_000)))}";
        if (operation["responses"]![$"{answer.Status}"] is not { } response)
        {
            StatusesOfThePipeline.ShouldContain(answer.Status, name);
            return;
        }
        if (answer.ContentType is not { } contentType || response["content"]?[contentType]?["schema"] is not { } schema)
        {
            response["content"].ShouldBeNull(name);
            return;
        }
        if (!contentType.EndsWith("json", StringComparison.Ordinal))
        {
            return;
        }
        var fits = Schemas.GetOrAdd(schema.ToJsonString(), Read).Check(answer.Body, answer.Bytes.Length);
        (fits is null).ShouldBeTrue($"{name} does not fit its schema: {(fits is null ? "" : JsonSerializer.Serialize(fits.ToDictionary()))}");
    }

    private static JsonObject? Find(HttpMethod method, string path)
    {
        var plain = path.Split('?')[0];
        return Paths.FirstOrDefault(item => item.Path.IsMatch(plain)).Operations?[method.Method.ToLowerInvariant()]?.AsObject();
    }

    private static JsonSchema Read(string schema)
    {
        var definitions = new JsonObject();
        var waiting = new Queue<string>([schema]);
        while (waiting.TryDequeue(out var text))
        {
            foreach (var reference in Reference().Matches(text).Select(match => match.Groups[1].Value).Where(reference => !definitions.ContainsKey(reference)))
            {
                var definition = Document["components"]!["schemas"]![reference]!;
                definitions[reference] = definition.DeepClone();
                waiting.Enqueue(definition.ToJsonString());
            }
        }
        var whole = JsonNode.Parse(schema)!.AsObject();
        whole["$defs"] = definitions;
        var errors = new FieldErrors();
        var read = JsonSchema.Read(Encoding.UTF8.GetBytes(whole.ToJsonString().Replace(Definitions, "#/$defs/", StringComparison.Ordinal)), "schema", errors);
        return read ?? throw new InvalidOperationException($"The document has a schema that cannot be read: {errors.Sentence}");
    }

    [GeneratedRegex("\"#/components/schemas/([^\"]+)\"")]
    private static partial Regex Reference();
}
