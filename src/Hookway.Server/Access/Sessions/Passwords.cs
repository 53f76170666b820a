using Hookway.Access.Members;
using Microsoft.AspNetCore.Identity;

namespace Hookway.Access.Sessions;

/// <summary>Hashes and compares passwords, a few at a time: each costs tens of milliseconds of a core, which strangers must not be able to take from everyone else.</summary>
public sealed class Passwords : IDisposable
{
    private const int AtOnce = 2;

    private readonly PasswordHasher<User> _hasher = new();
    private readonly SemaphoreSlim _turns = new(AtOnce);
    private readonly Lazy<string> _nobody;

    public Passwords() => _nobody = new Lazy<string>(() => _hasher.HashPassword(null!, Session.NewToken()));

    public Task<string> Hash(string password) => InTurn(() => _hasher.HashPassword(null!, password));

    /// <summary>Whether it is the person's password. Of nobody the answer is no, after as much work.</summary>
    public Task<bool> Match(User? user, string password) => InTurn(() =>
        _hasher.VerifyHashedPassword(null!, user?.PasswordHash ?? _nobody.Value, password) is not PasswordVerificationResult.Failed && user is not null);

    public void Dispose() => _turns.Dispose();

    private async Task<T> InTurn<T>(Func<T> work)
    {
        await _turns.WaitAsync();
        try
        {
            return await Task.Run(work);
        }
        finally
        {
            _turns.Release();
        }
    }
}
