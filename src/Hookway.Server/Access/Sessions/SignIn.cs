using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using Hookway.Access.Members;
using Hookway.Storage;

namespace Hookway.Access.Sessions;

/// <summary>
/// Decides who is let in: password, then the authenticator's code where there is one, with a pause after failures. Never says which part was wrong. A try counts as a failure from
/// before it is judged until it turns out to be none.
/// </summary>
public sealed class SignIn(UserStore users, Passwords passwords, SecretProtector protector, TimeProvider clock)
{
    /// <summary>Failures in a row after which an account is locked for <see cref="LockTime"/>.</summary>
    public const int MostFailures = 5;

    private const string TicketPurpose = "sign-in/second-step";

    public static TimeSpan LockTime { get; } = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan TicketLifetime = TimeSpan.FromMinutes(5);

    /// <summary>Judges the first step.</summary>
    public async Task<SignInResult> Password(string email, string password)
    {
        var now = clock.GetUtcNow();
        var user = await users.CountTry(email, MostFailures, now + LockTime);
        if (!await passwords.Match(user, password) || user is null)
        {
            return new SignInResult(null, null);
        }
        if (user.HasCodes)
        {
            // The count goes on over both steps: a right password must not buy guesses at the code.
            await users.TakeBackTry(user.No);
            return new SignInResult(null, TicketFor(user, now));
        }
        await users.ForgetFailures(user.No);
        return new SignInResult(user, null);
    }

    /// <summary>Judges the second step: the code of an authenticator, or a recovery code.</summary>
    public async Task<SignInResult> Code(string ticket, string code)
    {
        var now = clock.GetUtcNow();
        if (await UserOf(ticket, now) is not { } known || await users.CountTry(known.No, MostFailures, now + LockTime) is not { } user)
        {
            return new SignInResult(null, null);
        }
        if (user.CodeSecret is { } secret
            && (OneTimeCodes.StepOf(secret, code, user.CodeStep, now) is { } step
                ? await users.UseStep(user.No, step)
                : await users.UseRecoveryCode(user.No, OneTimeCodes.HashOf(code))))
        {
            await users.ForgetFailures(user.No);
            return new SignInResult(user, null);
        }
        return new SignInResult(null, ticket);
    }

    /// <summary>Whether it is the password of someone who is signed in: tries count as those at the door do, or whoever borrows a browser could guess on.</summary>
    public async Task<bool> Confirm(long userNo, string password)
    {
        var user = await users.CountTry(userNo, MostFailures, clock.GetUtcNow() + LockTime);
        if (!await passwords.Match(user, password))
        {
            return false;
        }
        await users.TakeBackTry(userNo);
        return true;
    }

    // Holds a part of the password's hash: a ticket is over when the password changes.
    private string TicketFor(User user, DateTimeOffset now) => Base64Url.EncodeToString(protector.Protect(
        string.Create(CultureInfo.InvariantCulture, $"{user.No} {(now + TicketLifetime).ToUnixTimeSeconds()} {user.PasswordHash[^16..]}"), TicketPurpose));

    private async Task<User?> UserOf(string ticket, DateTimeOffset now)
    {
        try
        {
            return Base64Url.IsValid(ticket) && protector.Unprotect(Base64Url.DecodeFromChars(ticket), TicketPurpose).Split(' ', 3) is [var no, var until, var hash]
                && long.Parse(until, CultureInfo.InvariantCulture) > now.ToUnixTimeSeconds()
                && await users.Find(long.Parse(no, CultureInfo.InvariantCulture)) is { } user && user.PasswordHash.EndsWith(hash, StringComparison.Ordinal)
                ? user : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}

/// <summary>What a step of sign-in came to.</summary>
/// <param name="User">Who is let in; null when nobody is, or not yet.</param>
/// <param name="Ticket">For the second step; null when there is none to take.</param>
public sealed record SignInResult(User? User, string? Ticket);
