using Hookway.Access.Sessions;
using Hookway.Storage;

namespace Hookway.Access.Members;

/// <summary>How people come in: the first one by the set-up link, others by invitation, and back by a reset link. Each link works once.</summary>
public sealed class Joining(
    Configuration configuration, UserStore users, MemberStore members, AccessLinkStore links, Passwords passwords)
{
    /// <summary>Makes the owner of a workspace that has none, and names it; null when the link is over.</summary>
    public async Task<User?> SetUp(string token, string workspaceName, string email, string name, string password)
    {
        var hash = await passwords.Hash(password);
        return await configuration.Change(ByLink(email), async (session, touched) =>
        {
            if (await Take(session, AccessLink.SetUp, token) is not { WorkspaceNo: { } workspaceNo } link
                || await MemberStore.HasOwner(session.Connection, workspaceNo)
                || await users.Create(session, email, name, hash) is not { } user)
            {
                return null;
            }
            await members.Rename(session, touched, workspaceNo, workspaceName.Trim());
            return await Join(session, touched, link, user, Roles.Owner);
        });
    }

    /// <summary>Makes the account of someone who was invited, and takes them in; null when the link is over or the address has an account.</summary>
    public async Task<User?> Accept(string token, string name, string password)
    {
        var hash = await passwords.Hash(password);
        return await configuration.Change(ByLink((await links.Find(AccessLink.Invitation, token))?.Email), async (session, touched) =>
            await Take(session, AccessLink.Invitation, token) is { Email: { } email, Role: { } role } link
            && await users.Create(session, email, name, hash) is { } user
                ? await Join(session, touched, link, user, role) : null);
    }

    /// <summary>Takes in someone who is signed in already: as the one who was invited, or as the owner of a workspace that has none.</summary>
    public Task<User?> Accept(string kind, string token, User user) => configuration.Change(new Actor(user.UserId, user.Email), async (session, touched) =>
        await Take(session, kind, token) is { WorkspaceNo: { } workspaceNo } link
        && (kind == AccessLink.SetUp ? !await MemberStore.HasOwner(session.Connection, workspaceNo) : kind == AccessLink.Invitation && link.Email == user.Email)
            ? await Join(session, touched, link, user, link.Role ?? Roles.Owner) : null);

    /// <summary>Sets a new password by a reset link, and ends every session; null when the link is over.</summary>
    public async Task<User?> Reset(string token, string password)
    {
        var hash = await passwords.Hash(password);
        return await configuration.ChangeUnrecorded(async (session, touched) =>
        {
            if (await links.Find(session.Connection, AccessLink.Reset, token) is not { UserNo: { } userNo } link || await AccessLinkStore.Use(session, link) == 0)
            {
                return null;
            }
            await users.SetPassword(session, userNo, hash);
            await SessionStore.EndAll(session, touched, userNo, except: null);
            return await users.Find(session.Connection, userNo);
        });
    }

    /// <summary>Who has no account yet acts by the link that they were given.</summary>
    private static Actor ByLink(string? email) => new("link", email);

    /// <summary>The link, as it is once nobody else can change who belongs to its workspace.</summary>
    private async Task<AccessLink?> Take(WriteSession session, string kind, string token)
    {
        if (await links.Find(session.Connection, kind, token) is not { WorkspaceNo: { } workspaceNo })
        {
            return null;
        }
        await MemberStore.Hold(session, workspaceNo);
        return await links.Find(session.Connection, kind, token);
    }

    private async Task<User> Join(WriteSession session, ChangedSubjects touched, AccessLink link, User user, string role)
    {
        await members.Add(session, touched, link.WorkspaceNo!.Value, user, role);
        await AccessLinkStore.Use(session, link);
        return user;
    }
}
