using Hookway.Api;

namespace Hookway.Access.Members;

/// <summary>A person, who may belong to several workspaces.</summary>
/// <param name="Email">As compared: trimmed, in lower case.</param>
/// <param name="CodeSecret">The secret of their authenticator; null while sign-in asks for the password alone.</param>
/// <param name="CodeStep">The last time step whose code was used: a code works once.</param>
/// <param name="RecoveryCodes">Hashes of the codes that stand in for the authenticator, each once.</param>
/// <param name="Failures">Tries at the account that failed in a row, or are still being judged.</param>
public sealed record User(
    long No, string UserId, string Email, string Name, string PasswordHash, byte[]? CodeSecret, long CodeStep, IReadOnlyList<string> RecoveryCodes,
    int Failures, DateTimeOffset? LockedUntil, DateTimeOffset CreatedAt)
{
    public const int FewestPasswordCharacters = 10;
    public const int MostPasswordCharacters = 200;
    public const int MostNameCharacters = 100;
    private const int MostEmailCharacters = 254;

    public bool HasCodes => CodeSecret is not null;

    /// <summary>An address as it is compared: one person, one account, however it was typed.</summary>
    public static string Normalize(string email) => email.Trim().ToLowerInvariant();

    /// <summary>Adds what is wrong with an address; mail alone can tell whether it is somebody's.</summary>
    public static void CheckEmail(string? email, FieldErrors errors)
    {
        var text = email?.Trim() ?? "";
        var at = text.IndexOf('@', StringComparison.Ordinal);
        if (at < 1 || at != text.LastIndexOf('@') || at == text.Length - 1 || text.Length > MostEmailCharacters || text.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)))
        {
            errors.Add("email", "must be an e-mail address, such as ada@example.com");
        }
    }

    /// <summary>Adds what is wrong with a new password: it must be long, and that is all that helps.</summary>
    public static void CheckPassword(string? password, FieldErrors errors)
    {
        if (password is null || password.Length < FewestPasswordCharacters || password.Length > MostPasswordCharacters)
        {
            errors.Add("password", $"must be {FewestPasswordCharacters} to {MostPasswordCharacters} characters");
        }
    }

    /// <summary>Adds what is wrong with a person's name.</summary>
    public static void CheckName(string? name, FieldErrors errors)
    {
        if (string.IsNullOrWhiteSpace(name) || name.Length > MostNameCharacters)
        {
            errors.Add("name", $"is required, at most {MostNameCharacters} characters");
        }
    }
}
