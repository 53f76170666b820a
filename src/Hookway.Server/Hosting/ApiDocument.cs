using Hookway.Access;
using Hookway.Api;
using Hookway.Api.OpenApi;
using Microsoft.OpenApi;

namespace Hookway.Hosting;

/// <summary>The OpenAPI document, made from the routes, their types and their docstrings.</summary>
public static class ApiDocument
{
    public const string Name = "v1";

    private const string Description =
        "Send webhooks to your customers. Post one message; Hookway stores it, finds the customer's endpoints that want it, signs and delivers it, retries, and shows every attempt.\n\n" +
        "JSON is camelCase and times are RFC 3339 UTC with milliseconds. An unknown request field is a 400 that names it. In a PATCH an absent field is left alone and null restores its default. " +
        "Lists run newest first unless they say otherwise. Every answer has a `Request-Id` header.";

    public static void AddApiDocument(this IServiceCollection services) => services.AddOpenApi(Name, options =>
    {
        options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
        options.AddDocumentTransformer(new DocumentTransformer("Hookway API", ProductVersion.Text, Description));
        options.AddSchemaTransformer(new SchemaTransformer(new Docstrings(typeof(ApiDocument).Assembly)));
        options.AddOperationTransformer(new OperationTransformer(metadata => metadata.GetMetadata<RequiredScope>()?.Scope, metadata => metadata.GetMetadata<PortalCapability>()?.Capability, ApiExamples.Of));
    });
}
