using System.Reflection;
using Hookway.Storage;

namespace Hookway.Access;

/// <summary>Who calls, and the workspace that everything the request sees must belong to. A handler takes it as a parameter.</summary>
/// <param name="Workspace">As it was when the request began.</param>
/// <param name="Credential">What the request proved itself with.</param>
/// <param name="Scopes">What it may do; none for a portal session, which has <paramref name="Portal"/> instead.</param>
/// <param name="Version">The configuration's version from before the credential, and so anything else of this request, was read.</param>
/// <param name="RequestId">The request's, for the audit log.</param>
/// <param name="Portal">Set when the caller is one recipient's portal session: all it may see is that recipient's.</param>
public sealed record Caller(
    Workspace Workspace, Credential Credential, IReadOnlyList<string> Scopes, long Version, string? RequestId = null, PortalGrant? Portal = null)
{
    public long WorkspaceNo => Workspace.No;

    /// <summary>The version from before credential and workspace were read: theirs also when the rest of a request is judged again by a later one.</summary>
    public long CredentialVersion { get; init; } = Version;

    /// <summary>Who is named in the audit log.</summary>
    public Actor Actor => new(Credential.Id, Credential.Name, RequestId);

    public bool Holds(string scope) => Scopes.Contains(scope) || Scopes.Contains(Access.Scopes.Everything);

    /// <summary>The server itself, on behalf of a workspace: what it feeds from one half to the other.</summary>
    public static Caller OfServer(Workspace workspace, long version) => new(workspace, ServerCredential.Instance, [Access.Scopes.Everything], version);

    public static ValueTask<Caller?> BindAsync(HttpContext http, ParameterInfo _) => ValueTask.FromResult(http.Features.Get<Caller>());

    private sealed record ServerCredential() : Credential(Actor.System.Id, Actor.System.Name, "server")
    {
        public static readonly ServerCredential Instance = new();

        public override Task<bool> Stands(WriteSession session, DateTimeOffset now) => Task.FromResult(true);
    }
}

/// <summary>What a request proved itself with: an API key, a portal session.</summary>
/// <param name="Id">Its public id, which the audit log names.</param>
/// <param name="Name">What people call it.</param>
/// <param name="Subject">What its view depends on: an accept whose caller's subject has changed asks <see cref="Stands"/>.</param>
public abstract record Credential(string Id, string? Name, string Subject)
{
    /// <summary>Whether it may still be used, read inside a transaction.</summary>
    public abstract Task<bool> Stands(WriteSession session, DateTimeOffset now);
}

/// <summary>What a portal session may do: these things, in one app, for one recipient.</summary>
/// <param name="Capabilities">Of <see cref="Access.Capabilities.All"/>.</param>
public sealed record PortalGrant(string AppId, string Recipient, IReadOnlyList<string> Capabilities);
