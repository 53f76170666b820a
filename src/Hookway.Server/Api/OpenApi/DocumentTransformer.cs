using System.Text.Json;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Hookway.Api.OpenApi;

/// <summary>What the document says of the API as a whole.</summary>
/// <param name="title">Its name.</param>
/// <param name="version">The product's version.</param>
/// <param name="description">Markdown.</param>
public sealed class DocumentTransformer(string title, string version, string description) : IOpenApiDocumentTransformer
{
    /// <summary>The name of the bearer scheme.</summary>
    public const string Bearer = "bearer";

    public Task TransformAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info = new OpenApiInfo
        {
            Title = title,
            Version = version,
            Description = description,
            License = new OpenApiLicense { Name = "Apache-2.0", Identifier = "Apache-2.0" },
        };
        // Relative: the document is the same whatever address it is fetched from.
        document.Servers = [new OpenApiServer { Url = "/" }];
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
        {
            [Bearer] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = "bearer",
                Description = "An API key: Authorization: Bearer hwk_…; or on some routes a portal session's token: Authorization: Bearer hwp_…",
            },
        };
        foreach (var schema in document.Components.Schemas?.Values.OfType<OpenApiSchema>() ?? [])
        {
            LetAnyValueBeNull(schema);
        }
        return Task.CompletedTask;
    }

    /// <summary>Any JSON value may be null by itself; "null, or else any value" would refuse the null that is both.</summary>
    private static void LetAnyValueBeNull(OpenApiSchema schema)
    {
        foreach (var (name, property) in schema.Properties?.ToList() ?? [])
        {
            if (property is OpenApiSchema { OneOf: [_, OpenApiSchemaReference { Reference.Id: nameof(JsonElement) } any] })
            {
                schema.Properties![name] = any;
            }
        }
    }
}
