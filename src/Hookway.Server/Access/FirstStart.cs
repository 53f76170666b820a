using Hookway.Storage;

namespace Hookway.Access;

/// <summary>What a store must have before anyone can use it: a workspace, and a key to it.</summary>
public sealed class FirstStart(WorkspaceStore workspaces, ApiKeyStore keys)
{
    public const string WorkspaceName = "default";

    /// <summary>Makes the workspace <c>default</c> when it is missing, and adds the operator's own key to it when one is given and unknown.</summary>
    public async Task Prepare(string? bootstrapKey)
    {
        var (workspace, _) = await workspaces.FindOrCreate(WorkspaceName, Actor.System);
        if (bootstrapKey is not null)
        {
            await keys.Add(workspace.No, Actor.System, bootstrapKey, "Bootstrap key", [Scopes.Everything], expiresAt: null);
        }
    }

    /// <summary>Makes the first key of the workspace <c>default</c> when it has none. It can be read here only, so call this when nothing is left that may keep it from being shown.</summary>
    /// <returns>The key, or null when the workspace has one.</returns>
    public async Task<string?> MakeKey()
    {
        var (workspace, _) = await workspaces.FindOrCreate(WorkspaceName, Actor.System);
        if (await keys.HasAny(workspace.No))
        {
            return null;
        }
        var key = ApiKey.Generate();
        await keys.Add(workspace.No, Actor.System, key, "First key", [Scopes.Everything], expiresAt: null);
        return key;
    }
}
