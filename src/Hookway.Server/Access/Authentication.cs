using System.Collections.Concurrent;
using System.Reflection;
using Hookway.Api;
using Hookway.Storage;

namespace Hookway.Access;

/// <summary>Who calls: the key, and the workspace that everything the request sees must belong to. A handler takes it as a parameter.</summary>
/// <param name="KeySubject">What the key's view depends on, so that an accept can notice a revocation.</param>
/// <param name="Version">The configuration's version from before the key, and so anything else of this request, was read.</param>
public sealed record Caller(long WorkspaceNo, ApiKey Key, string KeySubject, long Version)
{
    public static ValueTask<Caller?> BindAsync(HttpContext http, ParameterInfo _) => ValueTask.FromResult(http.Features.Get<Caller>());
}

/// <summary>The scope that a route asks for.</summary>
public sealed record RequiredScope(string Scope);

/// <summary>Declares scopes on routes.</summary>
public static class RequiredScopeExtensions
{
    /// <summary>The route answers 401 without a valid key, and 403 when the key lacks the scope.</summary>
    public static TBuilder Needs<TBuilder>(this TBuilder route, string scope) where TBuilder : IEndpointConventionBuilder =>
        route.WithMetadata(new RequiredScope(scope));
}

/// <summary>Checks the bearer key of every request to a route that asks for a scope.</summary>
public sealed class Authentication(RequestDelegate next, AccessStore access, Configuration configuration, TimeProvider clock)
{
    private const string Scheme = "Bearer ";
    private static readonly TimeSpan UseIsNotedEvery = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, DateTimeOffset> _lastNoted = new(StringComparer.Ordinal);

    public async Task InvokeAsync(HttpContext http)
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<RequiredScope>() is { } required
            && await Refusal(http, required.Scope) is { } problem)
        {
            await problem.ExecuteAsync(http);
            return;
        }
        await next(http);
    }

    private async ValueTask<Problem?> Refusal(HttpContext http, string scope)
    {
        if (http.Request.Headers.Authorization is not [{ } header]
            || !header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return Problem.Unauthorized("Give an API key: Authorization: Bearer hwk_…");
        }
        var text = header[Scheme.Length..].Trim();
        var now = clock.GetUtcNow();
        var version = configuration.Version;
        if (!ApiKey.IsWellFormed(text) || await access.FindKey(text) is not { } key || !key.IsUsable(now))
        {
            return Problem.Unauthorized("The API key is not known, has expired or was revoked.");
        }
        if (!key.Holds(scope))
        {
            return Problem.MissingScope(scope);
        }
        http.Features.Set(new Caller(key.WorkspaceNo, key, AccessStore.Subject(ApiKey.HashOf(text)), version));
        _ = NoteUse(key, now);
        return null;
    }

    /// <summary>Not awaited: when a key was last used is worth no request's time and no request's failure, and is written again a minute later.</summary>
    private async Task NoteUse(ApiKey key, DateTimeOffset now)
    {
        var last = _lastNoted.GetOrAdd(key.KeyId, DateTimeOffset.MinValue);
        if (now - last < UseIsNotedEvery || !_lastNoted.TryUpdate(key.KeyId, now, last))
        {
            return;
        }
        try
        {
            await access.MarkUsed(key.KeyId, now);
        }
        catch (StorageUnavailableException)
        {
            // Whoever has something to write hears of it.
        }
    }
}
