namespace Hookway.Api.OpenApi;

/// <summary>A record that is read from a request body: unknown fields are refused, and only those marked <c>[Required]</c> must be there.</summary>
public interface IRequestBody;

/// <summary>A query parameter of a route, for the OpenAPI document; handlers read it themselves, so that their errors name it.</summary>
/// <param name="Type"><c>string</c>, <c>boolean</c>, <c>integer</c> or <c>date-time</c>.</param>
/// <param name="Values">The closed list of values, when it is one.</param>
public sealed record QueryParameter(string Name, string Type, string Description, params string[] Values);

/// <summary>Describes routes for the OpenAPI document.</summary>
public static class RouteDescriptions
{
    public static RouteHandlerBuilder WithQuery(this RouteHandlerBuilder route, string name, string type, string description, params string[] values) =>
        route.WithMetadata(new QueryParameter(name, type, description, values));

    /// <summary>The route answers a page of a list.</summary>
    public static RouteHandlerBuilder Paged(this RouteHandlerBuilder route) => route
        .WithQuery("limit", "integer", $"Items on a page, 1 to {PageRequest.MostItems}; default {PageRequest.DefaultLimit}.")
        .WithQuery("cursor", "string", "The nextCursor of the page before.");
}
