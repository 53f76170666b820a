namespace Hookway.Access;

/// <summary>What a store must have before anyone can use it: a workspace, and a key to it.</summary>
public sealed class FirstStart(AccessStore access)
{
    public const string WorkspaceName = "default";

    /// <summary>Makes the workspace <c>default</c> and its first key where they are missing.</summary>
    /// <param name="bootstrapKey">The operator's own key; added if it is unknown.</param>
    /// <returns>The key that was made here and must be shown now, or null.</returns>
    public async Task<string?> Prepare(string? bootstrapKey)
    {
        var (workspace, _) = await access.FindOrCreateWorkspace(WorkspaceName);
        if (bootstrapKey is not null)
        {
            await access.AddKey(workspace.No, bootstrapKey, "Bootstrap key", [Scopes.Everything], expiresAt: null);
            return null;
        }
        if (await access.HasKeys(workspace.No))
        {
            return null;
        }
        var key = ApiKey.Generate();
        await access.AddKey(workspace.No, key, "First key", [Scopes.Everything], expiresAt: null);
        return key;
    }
}
