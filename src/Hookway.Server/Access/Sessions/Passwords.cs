using Hookway.Access.Members;
using Microsoft.AspNetCore.Identity;

namespace Hookway.Access.Sessions;

/// <summary>
/// Hashes and compares passwords, a few at a time: each costs tens of milliseconds of a core, which strangers must not be able to take from everyone else. Requests that need one
/// take a place in a line first, which is no longer than what is done in a few seconds.
/// </summary>
public sealed class Passwords : IDisposable
{
    /// <summary>The places in the line.</summary>
    public const int MostInLine = 64;

    private const int AtOnce = 2;

    private readonly PasswordHasher<User> _hasher = new();
    private readonly SemaphoreSlim _turns = new(AtOnce);
    private readonly Lazy<string> _nobody;
    private int _inLine;

    public Passwords() => _nobody = new Lazy<string>(() => _hasher.HashPassword(null!, Session.NewToken()));

    /// <summary>Takes a place in the line, until it is disposed of; null when there is none left.</summary>
    public IDisposable? Enter()
    {
        if (Interlocked.Increment(ref _inLine) <= MostInLine)
        {
            return new Place(this);
        }
        Interlocked.Decrement(ref _inLine);
        return null;
    }

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

    private sealed class Place(Passwords passwords) : IDisposable
    {
        private int _isLeft;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isLeft, 1) == 0)
            {
                Interlocked.Decrement(ref passwords._inLine);
            }
        }
    }
}
