namespace Hookway.Api.OpenApi;

/// <summary>A record that is read from a request body: unknown fields are refused, and only those marked <c>[Required]</c> must be there.</summary>
public interface IRequestBody;

/// <summary>A query parameter of a route, for the OpenAPI document; handlers read it themselves, so that their errors name it.</summary>
/// <param name="Type"><c>string</c>, <c>boolean</c>, <c>integer</c> or <c>date-time</c>.</param>
/// <param name="Values">The closed list of values, when it is one.</param>
public sealed record QueryParameter(string Name, string Type, string Description, params string[] Values);

/// <summary>What a route's requests may have at most, where that is not the limit of bodies that describe configuration.</summary>
/// <param name="What">What is too large when it is over the limit.</param>
public sealed record BodyLimit(string What, long Bytes);

/// <summary>Describes routes for the OpenAPI document.</summary>
public static class RouteDescriptions
{
    public static RouteHandlerBuilder WithQuery(this RouteHandlerBuilder route, string name, string type, string description, params string[] values) =>
        route.WithMetadata(new QueryParameter(name, type, description, values));

    /// <summary>The route answers a page of a list.</summary>
    public static RouteHandlerBuilder Paged(this RouteHandlerBuilder route) => route
        .WithQuery("limit", "integer", $"Items on a page, 1 to {PageRequest.MostItems}; default {PageRequest.DefaultLimit}.")
        .WithQuery("cursor", "string", "The nextCursor of the page before.")
        .TakesOnlyItsQuery();

    /// <summary>Refuses a query parameter that the route does not describe: a filter with a slip in its name would else show everything.</summary>
    public static RouteHandlerBuilder TakesOnlyItsQuery(this RouteHandlerBuilder route) => route.AddEndpointFilter((context, next) =>
    {
        var request = context.HttpContext.Request;
        if (request.Query.Count == 0)
        {
            return next(context);
        }
        var known = context.HttpContext.GetEndpoint()!.Metadata.GetOrderedMetadata<QueryParameter>().Select(parameter => parameter.Name).ToList();
        var errors = new FieldErrors();
        foreach (var name in request.Query.Keys.Except(known, StringComparer.Ordinal))
        {
            errors.Add(name, $"is not a parameter of this request; it takes {string.Join(", ", known)}");
        }
        return errors.Any ? ValueTask.FromResult<object?>(Problem.Invalid(errors)) : next(context);
    });
}
