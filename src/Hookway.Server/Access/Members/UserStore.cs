using System.Data.Common;
using System.Security.Cryptography;
using System.Text;
using Dapper;
using Hookway.Access.Sessions;
using Hookway.Storage;

namespace Hookway.Access.Members;

/// <summary>Every SQL statement about people. The authenticator's secret is sealed before it reaches one.</summary>
public sealed class UserStore(Database database, Configuration configuration, SecretProtector protector, IdGenerator ids, TimeProvider clock)
{
    private const string Columns = "no, id, email, name, password_hash, code_secret, code_step, recovery_codes, failures, locked_until, created_at";

    public Task<User?> FindByEmail(string email) => database.Read(connection => FindByEmail(connection, email));

    /// <summary>The same, read inside a transaction.</summary>
    public async Task<User?> FindByEmail(DbConnection connection, string email) =>
        await connection.QuerySingleOrDefaultAsync<UserRow>($"SELECT {Columns} FROM users WHERE email = @email", new { email = User.Normalize(email) }) is { } row ? ToUser(row) : null;

    public Task<User?> Find(long userNo) => database.Read(connection => Find(connection, userNo));

    /// <summary>The same, read inside a transaction.</summary>
    public async Task<User?> Find(DbConnection connection, long userNo) =>
        await connection.QuerySingleOrDefaultAsync<UserRow>($"SELECT {Columns} FROM users WHERE no = @userNo", new { userNo }) is { } row ? ToUser(row) : null;

    /// <summary>Adds a person; null when the address has an account already.</summary>
    public async Task<User?> Create(WriteSession session, string email, string name, string passwordHash) =>
        await session.Connection.QuerySingleOrDefaultAsync<UserRow>(
            $"""
            INSERT INTO users (id, email, name, password_hash, created_at, updated_at) VALUES (@id, @email, @name, @passwordHash, @now, @now)
            ON CONFLICT (email) DO NOTHING RETURNING {Columns}
            """,
            new { id = ids.New(IdPrefix.User), email = User.Normalize(email), name = name.Trim(), passwordHash, now = Now }) is { } row ? ToUser(row) : null;

    /// <summary>
    /// Counts a try at an account before it is judged, so that many at once are as many as one after the other; with the last of <paramref name="most"/> the account is locked
    /// until <paramref name="until"/>, and begins anew then. Answers whose it is; null when nothing may be judged, because it is locked or nobody's.
    /// </summary>
    public Task<User?> CountTry(string email, int most, DateTimeOffset until) => database.Write(async session =>
    {
        var address = User.Normalize(email);
        if (await CountTry(session, "email = @address", new { address, most, until = until.ToUnixTimeMilliseconds(), now = Now }) is { } user)
        {
            return user;
        }
        await session.Connection.ExecuteAsync(
            "INSERT INTO unknown_sign_ins (no, tries) VALUES (@no, 1) ON CONFLICT (no) DO UPDATE SET tries = unknown_sign_ins.tries + 1",
            new { no = (long)SHA256.HashData(Encoding.UTF8.GetBytes(address))[0] });
        return null;
    });

    /// <summary>The same of someone who is known.</summary>
    public Task<User?> CountTry(long userNo, int most, DateTimeOffset until) => database.Write(session =>
        CountTry(session, "no = @userNo", new { userNo, most, until = until.ToUnixTimeMilliseconds(), now = Now }));

    private async Task<User?> CountTry(WriteSession session, string whose, object values) =>
        await session.Connection.QuerySingleOrDefaultAsync<UserRow>(
            $"""
            UPDATE users SET failures = CASE WHEN locked_until IS NULL THEN failures + 1 ELSE 1 END,
                locked_until = CASE WHEN locked_until IS NULL AND failures + 1 >= @most THEN @until ELSE NULL END
            WHERE {whose} AND (locked_until IS NULL OR locked_until <= @now) RETURNING {Columns}
            """, values) is { } row ? ToUser(row) : null;

    /// <summary>Takes back a try that was no failure, and the lock that it may have closed.</summary>
    public Task TakeBackTry(long userNo) => database.Write(session => session.Connection.ExecuteAsync(
        "UPDATE users SET failures = CASE WHEN failures > 0 THEN failures - 1 ELSE 0 END, locked_until = NULL WHERE no = @userNo", new { userNo }));

    /// <summary>Forgets failed sign-ins.</summary>
    public Task ForgetFailures(long userNo) => database.Write(session => session.Connection.ExecuteAsync(
        "UPDATE users SET failures = 0, locked_until = NULL WHERE no = @userNo", new { userNo }));

    /// <summary>Sets a password, and ends every session but one.</summary>
    /// <param name="exceptSession">The id of the session that stays; null when none does.</param>
    public Task SetPassword(long userNo, string passwordHash, string? exceptSession) => configuration.ChangeUnrecorded(async (session, touched) =>
    {
        await SetPassword(session, userNo, passwordHash);
        return await SessionStore.EndAll(session, touched, userNo, exceptSession);
    });

    /// <summary>Sets a password in a transaction, and forgets failed sign-ins.</summary>
    public Task SetPassword(WriteSession session, long userNo, string passwordHash) => session.Connection.ExecuteAsync(
        "UPDATE users SET password_hash = @passwordHash, failures = 0, locked_until = NULL, updated_at = @now WHERE no = @userNo", new { userNo, passwordHash, now = Now });

    public Task SetName(long userNo, string name) => configuration.ChangeUnrecorded(async (session, touched) =>
    {
        await SessionStore.Touch(session, touched, userNo);
        return await session.Connection.ExecuteAsync("UPDATE users SET name = @name, updated_at = @now WHERE no = @userNo", new { userNo, name = name.Trim(), now = Now });
    });

    /// <summary>Turns the second step of sign-in on, or off with a null secret; ends every session but one.</summary>
    public Task SetCodes(long userNo, byte[]? secret, long usedStep, IReadOnlyList<string> recoveryCodes, string? exceptSession) => configuration.ChangeUnrecorded(async (session, touched) =>
    {
        await session.Connection.ExecuteAsync(
            "UPDATE users SET code_secret = @secret, code_step = @usedStep, recovery_codes = @codes, updated_at = @now WHERE no = @userNo",
            new
            {
                userNo,
                secret = secret is null ? null : protector.Protect(Convert.ToBase64String(secret), Purpose(userNo)),
                usedStep,
                codes = recoveryCodes.Count == 0 ? null : string.Join(' ', recoveryCodes),
                now = Now,
            });
        await SessionStore.Touch(session, touched, userNo);
        return await SessionStore.EndAll(session, touched, userNo, exceptSession);
    });

    /// <summary>Uses up the code of a time step; false when it, or a later one, was used before.</summary>
    public Task<bool> UseStep(long userNo, long step) => database.Write(async session =>
        await session.Connection.ExecuteAsync("UPDATE users SET code_step = @step WHERE no = @userNo AND code_step < @step", new { userNo, step }) == 1);

    /// <summary>Uses up a recovery code; false when there is none with this hash.</summary>
    public Task<bool> UseRecoveryCode(long userNo, string hash) => database.Write(async session =>
    {
        if (await Find(session.Connection, userNo) is not { } user || !user.RecoveryCodes.Contains(hash))
        {
            return false;
        }
        var left = user.RecoveryCodes.Where(code => code != hash).ToList();
        await session.Connection.ExecuteAsync(
            "UPDATE users SET recovery_codes = @codes WHERE no = @userNo", new { userNo, codes = left.Count == 0 ? null : string.Join(' ', left) });
        return true;
    });

    /// <summary>What of people is sealed.</summary>
    public static IReadOnlyList<SealedColumn> SealedColumns { get; } = [new("users", "code_secret", "no", IsNumbered: true, Purpose)];

    private static string Purpose(long userNo) => Purpose(userNo.ToString(System.Globalization.CultureInfo.InvariantCulture));

    private static string Purpose(string userNo) => $"user/{userNo}/codes";

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private User ToUser(UserRow row) => new(
        row.No, row.Id, row.Email, row.Name, row.PasswordHash, row.CodeSecret is null ? null : Convert.FromBase64String(protector.Unprotect(row.CodeSecret, Purpose(row.No))),
        row.CodeStep, row.RecoveryCodes?.Split(' ') ?? [], row.Failures, Stored.Time(row.LockedUntil), Stored.Time(row.CreatedAt));

    private sealed record UserRow
    {
        public long No { get; init; }
        public string Id { get; init; } = "";
        public string Email { get; init; } = "";
        public string Name { get; init; } = "";
        public string PasswordHash { get; init; } = "";
        public byte[]? CodeSecret { get; init; }
        public long CodeStep { get; init; }
        public string? RecoveryCodes { get; init; }
        public int Failures { get; init; }
        public long? LockedUntil { get; init; }
        public long CreatedAt { get; init; }
    }
}
