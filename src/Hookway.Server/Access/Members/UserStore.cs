using System.Data.Common;
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

    /// <summary>Counts a failed sign-in; at <paramref name="most"/> of them the account is locked until <paramref name="until"/> and the count begins anew.</summary>
    public Task CountFailure(long userNo, int most, DateTimeOffset until) => database.Write(session => session.Connection.ExecuteAsync(
        """
        UPDATE users SET failures = CASE WHEN failures + 1 >= @most THEN 0 ELSE failures + 1 END,
            locked_until = CASE WHEN failures + 1 >= @most THEN @until ELSE locked_until END
        WHERE no = @userNo
        """, new { userNo, most, until = until.ToUnixTimeMilliseconds() }));

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
