namespace Hookway.Access.Mails;

/// <summary>The mail server that takes the server's mails.</summary>
/// <param name="Security">How the way to it is secured.</param>
/// <param name="User">Null when it wants no login.</param>
/// <param name="From">The sender, as <c>address</c> or <c>Name &lt;address&gt;</c>.</param>
/// <param name="PublicUrl">Where links in mails lead: never to what a request named, since anybody can ask for one on anybody's behalf.</param>
public sealed record SmtpOptions(string Host, int Port, SmtpSecurity Security, string? User, string? Password, string From, string PublicUrl);

/// <summary>How the way to a mail server is secured.</summary>
public enum SmtpSecurity
{
    /// <summary>By TLS after a greeting in the clear; without it nothing is sent.</summary>
    StartTls,

    /// <summary>By TLS from the beginning.</summary>
    Tls,

    /// <summary>Not at all: for a relay on the same machine.</summary>
    None,
}
