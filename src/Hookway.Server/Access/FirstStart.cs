using Hookway.Access.Members;
using Hookway.Storage;

namespace Hookway.Access;

/// <summary>What a store must have before anyone can use it: a workspace, a key to it, and a way in for its owner.</summary>
public sealed class FirstStart(WorkspaceStore workspaces, ApiKeyStore keys, MemberStore members, AccessLinkStore links)
{
    public const string WorkspaceName = "default";

    /// <summary>Makes the workspace <c>default</c> when there is none, and adds the operator's own key to the first one when one is given and unknown.</summary>
    public async Task Prepare(string? bootstrapKey)
    {
        var workspace = await FirstWorkspace();
        if (bootstrapKey is not null)
        {
            await keys.Add(workspace.No, Actor.System, bootstrapKey, "Bootstrap key", [Scopes.Everything], expiresAt: null);
        }
    }

    /// <summary>Makes the first key of the first workspace when it has none. It can be read here only, so call this when nothing is left that may keep it from being shown.</summary>
    /// <returns>The key, or null when the workspace has one.</returns>
    public async Task<string?> MakeKey()
    {
        var workspace = await FirstWorkspace();
        if (await keys.HasAny(workspace.No))
        {
            return null;
        }
        var key = ApiKey.Generate();
        await keys.Add(workspace.No, Actor.System, key, "First key", [Scopes.Everything], expiresAt: null);
        return key;
    }

    /// <summary>Makes a link by which the first workspace gets its owner; null when it has one.</summary>
    public async Task<string?> MakeOwnerLink() => await OwnerLinkOf(await FirstWorkspace());

    /// <summary>The same for any workspace. Answers the path of the link.</summary>
    public async Task<string?> OwnerLinkOf(Workspace workspace)
    {
        if (await members.HasOwner(workspace.No))
        {
            return null;
        }
        var (_, token) = await links.Create(AccessLink.SetUp, workspace.No, userNo: null, email: null, Roles.Owner, Actor.System);
        return AccessLink.PathOf(AccessLink.SetUp, token);
    }

    /// <summary>The workspace that the server began with, whatever it has been called since.</summary>
    private async Task<Workspace> FirstWorkspace() => await workspaces.First() ?? (await workspaces.FindOrCreate(WorkspaceName, Actor.System)).Workspace;
}
