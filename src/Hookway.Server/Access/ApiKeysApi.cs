using System.ComponentModel.DataAnnotations;
using Hookway.Api;
using Hookway.Api.OpenApi;

namespace Hookway.Access;

/// <summary>The routes of API keys.</summary>
public static class ApiKeysApi
{
    public static void MapApiKeys(this IEndpointRouteBuilder routes)
    {
        var keys = routes.MapGroup("/api/v1/api-keys").WithTags("Workspace");
        keys.MapPost("/", Create).Needs(Scopes.WorkspaceWrite).WithSummary("Create an API key")
            .WithDescription("The only answer that shows the key. Its scopes must be scopes that the caller holds.").Accepts<CreateApiKey>("application/json")
            .Produces<NewApiKey>(StatusCodes.Status201Created);
        keys.MapGet("/", List).Needs(Scopes.WorkspaceRead).WithSummary("List API keys").WithDescription("Also those that have expired or were revoked.").Paged()
            .Produces<Page<ApiKeyResource>>();
        keys.MapDelete("/{keyId}", Revoke).Needs(Scopes.WorkspaceWrite).WithSummary("Revoke an API key")
            .WithDescription("No request that begins after the answer is let in by it, and none that waits is accepted. Revoking it again changes nothing.").Produces<ApiKeyResource>();
    }

    private static async Task<IResult> Create(HttpContext http, Caller caller, ApiKeyStore store, TimeProvider clock)
    {
        var (input, problem) = await JsonInput.Read<CreateApiKey>(http);
        if (input is null)
        {
            return problem!;
        }
        var errors = new FieldErrors();
        ApiKey.Check(input.Name, input.Scopes, input.ExpiresAt, clock.GetUtcNow(), errors);
        if (errors.Any)
        {
            return Problem.Invalid(errors);
        }
        if (input.Scopes!.FirstOrDefault(scope => !caller.Holds(scope!)) is { } missing)
        {
            return Problem.MissingScope(missing);
        }
        var text = ApiKey.Generate();
        var key = await store.Add(caller.WorkspaceNo, caller.Actor, text, input.Name!, [.. input.Scopes!.Distinct()!], input.ExpiresAt);
        return TypedResults.Created("/api/v1/api-keys", NewApiKey.Of(key!, text));
    }

    private static async Task<IResult> List(HttpRequest request, Caller caller, ApiKeyStore store)
    {
        var errors = new FieldErrors();
        var page = PageRequest.From(request, "api-keys", errors);
        return errors.Any
            ? Problem.Invalid(errors)
            : TypedResults.Ok(page.Of(await store.List(caller.WorkspaceNo, page.Before, page.Rows), key => key.No, ApiKeyResource.Of));
    }

    private static async Task<IResult> Revoke(string keyId, Caller caller, ApiKeyStore store) =>
        await store.Revoke(caller.WorkspaceNo, caller.Actor, keyId) is { } key ? TypedResults.Ok(ApiKeyResource.Of(key)) : Problem.NotFound("API key");
}

/// <summary>The body of "create an API key".</summary>
/// <param name="Name">Required; 1 to 200 characters.</param>
/// <param name="Scopes">Required; what the key may do, each a scope that the caller holds.</param>
/// <param name="ExpiresAt">When it stops working; absent: never.</param>
public sealed record CreateApiKey([property: Required] string? Name, [property: Required] IReadOnlyList<string?>? Scopes, DateTimeOffset? ExpiresAt) : IRequestBody;

/// <summary>An API key, as the API shows it.</summary>
/// <param name="Prefix">How the key begins.</param>
/// <param name="LastUsedAt">To the minute.</param>
public record ApiKeyResource(
    string KeyId, string Name, string Prefix, IReadOnlyList<string> Scopes, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? LastUsedAt, DateTimeOffset? RevokedAt)
{
    public static ApiKeyResource Of(ApiKey key) =>
        new(key.KeyId, key.Name!, key.Prefix, key.Scopes, key.CreatedAt, key.ExpiresAt, key.LastUsedAt, key.RevokedAt);
}

/// <summary>An API key with its text: the answer to its creation.</summary>
public sealed record NewApiKey : ApiKeyResource
{
    private NewApiKey(ApiKeyResource key, string text) : base(key) => Key = text;

    /// <summary>The key itself, shown this once.</summary>
    public string Key { get; }

    public static NewApiKey Of(ApiKey key, string text) => new(ApiKeyResource.Of(key), text);
}
