using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Hookway.Api.OpenApi;

/// <summary>
/// Completes each operation: its id, its scope, its query parameters, the errors that its kind of route can answer, and an example for the request and for every response.
/// </summary>
/// <param name="scopeOf">The scope a route asks for; null when it asks for none.</param>
/// <param name="capabilityOf">The capability with which a portal token may use a route; null when none may.</param>
/// <param name="exampleOf">The example of a body's type; null when there is none.</param>
public sealed class OperationTransformer(
    Func<EndpointMetadataCollection, string?> scopeOf, Func<EndpointMetadataCollection, string?> capabilityOf, Func<Type, JsonNode?> exampleOf) : IOpenApiOperationTransformer
{
    public async Task TransformAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var metadata = new EndpointMetadataCollection(context.Description.ActionDescriptor.EndpointMetadata);
        operation.OperationId = IdOf(operation.Summary!);
        AddParameters(operation, metadata);
        AddExamples(operation, metadata);
        var scope = scopeOf(metadata);
        if (scope is not null)
        {
            operation.Description = string.Join(' ', new[] { operation.Description, $"Scope: `{scope}`.", capabilityOf(metadata) is { } capability ? $"A portal token needs `{capability}`." : null }.Where(text => !string.IsNullOrEmpty(text)));
            operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(DocumentTransformer.Bearer, context.Document)] = [] }];
        }
        var problem = await context.GetOrCreateSchemaAsync(typeof(Problem), null, cancellationToken);
        context.Document!.AddComponent(nameof(Problem), problem);
        foreach (var example in Errors(operation, context.Description.HttpMethod!, scope, metadata.GetMetadata<BodyLimit>()))
        {
            operation.Responses![example.Status.ToString(CultureInfo.InvariantCulture)] = new OpenApiResponse
            {
                Description = example.Title,
                Content = new Dictionary<string, OpenApiMediaType>
                {
                    ["application/problem+json"] = new()
                    {
                        Schema = new OpenApiSchemaReference(nameof(Problem), context.Document),
                        Example = JsonNode.Parse(System.Text.Json.JsonSerializer.Serialize(example with { RequestId = "req_01jd3q5x7v0000000000000000" }, ApiJson.Options)),
                    },
                },
            };
        }
    }

    /// <summary>"Create an app" becomes <c>createAnApp</c>.</summary>
    private static string IdOf(string summary)
    {
        var words = summary.Replace("'s", "", StringComparison.Ordinal).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return string.Concat(words.Select((word, i) => i == 0 ? word.ToLowerInvariant() : char.ToUpperInvariant(word[0]) + word[1..]));
    }

    private static void AddParameters(OpenApiOperation operation, EndpointMetadataCollection metadata)
    {
        foreach (var parameter in metadata.GetOrderedMetadata<QueryParameter>())
        {
            operation.Parameters ??= [];
            operation.Parameters.Add(new OpenApiParameter
            {
                Name = parameter.Name,
                In = ParameterLocation.Query,
                Description = parameter.Description,
                Schema = new OpenApiSchema
                {
                    Type = parameter.Type switch { "boolean" => JsonSchemaType.Boolean, "integer" => JsonSchemaType.Integer, _ => JsonSchemaType.String },
                    Format = parameter.Type == "date-time" ? "date-time" : null,
                    Enum = parameter.Values.Length == 0 ? null : [.. parameter.Values.Select(value => (JsonNode)value)],
                },
            });
        }
    }

    private void AddExamples(OpenApiOperation operation, EndpointMetadataCollection metadata)
    {
        if (metadata.GetMetadata<IAcceptsMetadata>()?.RequestType is { } request && operation.RequestBody?.Content is { } content)
        {
            content["application/json"].Example = exampleOf(request);
        }
        foreach (var response in metadata.GetOrderedMetadata<IProducesResponseTypeMetadata>())
        {
            if (operation.Responses!.TryGetValue(response.StatusCode.ToString(CultureInfo.InvariantCulture), out var raw) && raw.Content?.TryGetValue("application/octet-stream", out var bytes) == true)
            {
                // The bytes themselves: "byte" would be a text in base64.
                bytes.Schema = new OpenApiSchema { Type = JsonSchemaType.String, Format = "binary" };
            }
            if (response.Type is not null && operation.Responses!.TryGetValue(response.StatusCode.ToString(CultureInfo.InvariantCulture), out var shown)
                && shown.Content?.TryGetValue("application/json", out var body) == true)
            {
                body.Example = exampleOf(response.Type);
            }
        }
    }

    private static IEnumerable<Problem> Errors(OpenApiOperation operation, string method, string? scope, BodyLimit? limit)
    {
        var hasBody = operation.RequestBody is not null;
        if (hasBody || operation.Parameters?.Any(parameter => parameter.In == ParameterLocation.Query) == true)
        {
            yield return Problem.Invalid(hasBody ? "name" : "limit", hasBody ? "is required" : $"must be a whole number from 1 to {PageRequest.MostItems}");
        }
        if (scope is not null)
        {
            yield return Problem.Unauthorized("The API key is not known, has expired or was revoked.");
            yield return Problem.MissingScope(scope);
        }
        if (operation.Parameters?.Any(parameter => parameter.In == ParameterLocation.Path) == true)
        {
            yield return Problem.NotFound("app");
        }
        if (hasBody)
        {
            yield return Problem.TooLarge(limit?.What ?? "The request body", limit?.Bytes ?? JsonInput.ConfigurationLimit);
        }
        if (scope is not null)
        {
            yield return Problem.RateLimited("requestsPerSecond", "The workspace has a limit of 100 requests per second.", TimeSpan.FromSeconds(1));
        }
        yield return Problem.Of(
            StatusCodes.Status503ServiceUnavailable, "unavailable",
            method == "GET" ? "The store cannot be read now." : "It could not be made durable, and nothing was stored.");
    }
}
