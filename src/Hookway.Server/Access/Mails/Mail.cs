using Hookway.Access.Members;

namespace Hookway.Access.Mails;

/// <summary>One mail, in plain text.</summary>
/// <param name="To">The address alone.</param>
public sealed record Mail(string To, string Subject, string Text)
{
    /// <summary>Invites someone into a workspace.</summary>
    /// <param name="by">Who invites them, as people call it.</param>
    public static Mail Invitation(AccessLink link, string workspace, string? by, string url) => new(
        link.Email!, $"Join {workspace} on Hookway",
        $"""
        {by ?? "Somebody"} invites you to the workspace {workspace} on Hookway, as {link.Role}.

        Open this link to join. It works once, for {AccessLink.LifetimeOf(AccessLink.Invitation).Days} days:

        {url}

        If you do not know what this is about, leave it be: nothing happens then.

        """);

    /// <summary>Lets someone who forgot their password set another.</summary>
    public static Mail Reset(string email, string url) => new(
        email, "Set a new password for Hookway",
        $"""
        Somebody, most likely you, asked for a new password of the account {email} on Hookway.

        Open this link to set one. It works once, for {AccessLink.LifetimeOf(AccessLink.Reset).Hours} hour:

        {url}

        If it was not you, leave it be: the password stays as it is.

        """);
}
