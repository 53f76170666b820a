using System.Collections.Concurrent;
using Hookway.Access.Portals;
using Hookway.Access.Sessions;
using Hookway.Api;
using Hookway.Storage;

namespace Hookway.Access;

/// <summary>The scope that a route asks for.</summary>
public sealed record RequiredScope(string Scope);

/// <summary>A scope that opens a route as well, to what is of its half.</summary>
public sealed record AlternativeScope(string Scope);

/// <summary>The capability with which a portal session may use a route; without it on the route, none may.</summary>
public sealed record PortalCapability(string Capability);

/// <summary>What the route does is judged in the transaction that stores it, so it need not ask beforehand what has changed elsewhere.</summary>
public sealed record JudgedInTransaction;

/// <summary>Declares on routes who may use them.</summary>
public static class AccessExtensions
{
    /// <summary>The route answers 401 without a valid credential, and 403 when it lacks the scope.</summary>
    public static TBuilder Needs<TBuilder>(this TBuilder route, string scope) where TBuilder : IEndpointConventionBuilder =>
        route.WithMetadata(new RequiredScope(scope));

    /// <summary>A credential with this scope may use the route as well; the handler sees to what it may see there.</summary>
    public static TBuilder Or<TBuilder>(this TBuilder route, string scope) where TBuilder : IEndpointConventionBuilder => route.WithMetadata(new AlternativeScope(scope));

    /// <summary>A portal session with this capability may use the route as well, for its own recipient.</summary>
    public static RouteHandlerBuilder PortalMay(this RouteHandlerBuilder route, string capability) =>
        route.WithMetadata(new PortalCapability(capability)).AddEndpointFilter((context, next) => NamesAnother(context.HttpContext)
            ? ValueTask.FromResult<object?>(Problem.NotFound("recipient"))
            : next(context));

    /// <summary>Whether a portal session's request names another recipient. What it names by id is looked up within its own (see <see cref="Caller.Portal"/>).</summary>
    private static bool NamesAnother(HttpContext http)
    {
        if (http.Features.Get<Caller>()?.Portal is not { } portal)
        {
            return false;
        }
        var request = http.Request;
        return (request.RouteValues.TryGetValue("recipient", out var named) && named as string != portal.Recipient)
            || request.Query["recipient"].Any(recipient => recipient is { Length: > 0 } && recipient != portal.Recipient);
    }
}

/// <summary>
/// Checks the credential of every request to a route that asks for a scope, and before that takes in what was changed elsewhere: on another node, or by a command.
/// </summary>
public sealed class Authentication(
    RequestDelegate next, ApiKeyStore keys, PortalSessionStore portals, SessionCaller sessions, WorkspaceStore workspaces, RequestRate rate, Configuration configuration, TimeProvider clock)
{
    private const string Scheme = "Bearer ";
    private static readonly TimeSpan UseIsNotedEvery = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, DateTimeOffset> _lastNoted = new(StringComparer.Ordinal);

    public async Task InvokeAsync(HttpContext http)
    {
        if (http.GetEndpoint()?.Metadata is { } route && route.GetMetadata<RequiredScope>() is { } required)
        {
            if (route.GetMetadata<JudgedInTransaction>() is null)
            {
                await configuration.CatchUp();
            }
            if (await Refusal(http, required.Scope, route.GetMetadata<AlternativeScope>(), route.GetMetadata<PortalCapability>()) is { } problem)
            {
                await problem.ExecuteAsync(http);
                return;
            }
        }
        await next(http);
    }

    private async ValueTask<Problem?> Refusal(HttpContext http, string scope, AlternativeScope? other, PortalCapability? open)
    {
        if (http.Request.Headers.Authorization.Count == 0 && SessionCookie.Of(http.Request) is { } cookie)
        {
            var (member, refusal) = await sessions.Of(http, cookie, scope);
            http.Features.Set(member);
            return refusal ?? rate.Take(member!.Workspace, http.Response);
        }
        if (http.Request.Headers.Authorization is not [{ } header]
            || !header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return Problem.Unauthorized("Give an API key: Authorization: Bearer hwk_…");
        }
        if (await CallerOf(header[Scheme.Length..].Trim(), http.TraceIdentifier) is not { } caller)
        {
            return Problem.Unauthorized("The API key or portal token is not known, has expired or was revoked.");
        }
        if (rate.Take(caller.Workspace, http.Response) is { } limited)
        {
            return limited;
        }
        if (caller.Portal is { } portal)
        {
            if (open is null)
            {
                return Problem.Of(StatusCodes.Status403Forbidden, "missing_scope", $"This needs the scope {scope}, which a portal session does not have.");
            }
            if (!portal.Capabilities.Contains(open.Capability))
            {
                return Problem.Of(StatusCodes.Status403Forbidden, "missing_capability", $"This needs the capability {open.Capability}, which the portal session does not have.");
            }
        }
        else if (!caller.Holds(scope) && (other is null || !caller.Holds(other.Scope)))
        {
            return Problem.MissingScope(scope);
        }
        http.Features.Set(caller);
        return null;
    }

    private async ValueTask<Caller?> CallerOf(string token, string requestId)
    {
        var now = clock.GetUtcNow();
        var version = configuration.Version;
        if (PortalSession.IsToken(token))
        {
            return await portals.View(token) is { } session && session.IsUsable(now) ? await CallerOf(session, version, requestId) : null;
        }
        if (!ApiKey.IsWellFormed(token) || await keys.Find(token) is not { } key || !key.IsUsable(now))
        {
            return null;
        }
        _ = NoteUse(key, now);
        return new Caller(await workspaces.View(key.WorkspaceNo), key, key.Scopes, version, requestId);
    }

    private async ValueTask<Caller> CallerOf(PortalSession session, long version, string requestId)
    {
        var workspace = await workspaces.View(session.WorkspaceNo);
        // What the workspace has capped since is taken from open sessions as well.
        var capabilities = session.Capabilities.Where(workspace.PortalCapabilities.Contains).ToList();
        return new Caller(workspace, session, [], version, requestId, new PortalGrant(session.AppId, session.Recipient, capabilities));
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
            await keys.MarkUsed(key.KeyId, now);
        }
        catch (StorageUnavailableException)
        {
            // Whoever has something to write hears of it.
        }
    }
}
