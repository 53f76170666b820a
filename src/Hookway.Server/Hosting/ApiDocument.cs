namespace Hookway.Hosting;

/// <summary>Makes the OpenAPI document from the routes.</summary>
public static class ApiDocument
{
    public const string Name = "v1";

    public static void AddApiDocument(this IServiceCollection services) => services.AddOpenApi(Name);
}
