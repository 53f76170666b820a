using Hookway.Access.Members;
using Hookway.Storage;

namespace Hookway.Access.Mails;

/// <summary>Mails a link by which a forgotten password is replaced, to whoever has the account that anybody names.</summary>
public sealed class ResetMails(OutgoingMails mails, UserStore users, AccessLinkStore links, TimeProvider clock)
{
    /// <summary>How long one account gets no second link, however often it is asked for.</summary>
    public static TimeSpan Pause { get; } = TimeSpan.FromMinutes(5);

    /// <summary>Whether there is a mail server to send them.</summary>
    public bool CanSend => mails.PublicUrl is not null;

    /// <summary>Has one sent if the address is anybody's: who that is, is looked up behind the request. False when nothing can be sent.</summary>
    public bool Ask(string email) => mails.Send(async () =>
    {
        if (await users.FindByEmail(email) is not { } user || await links.HasReset(user.No, clock.GetUtcNow() - Pause))
        {
            return null;
        }
        var (_, token) = await links.Create(AccessLink.Reset, workspaceNo: null, user.No, user.Email, role: null, Actor.System);
        return Mail.Reset(user.Email, mails.PublicUrl + AccessLink.PathOf(AccessLink.Reset, token));
    });
}
