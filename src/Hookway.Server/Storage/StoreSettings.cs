using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Dapper;

namespace Hookway.Storage;

/// <summary>Every SQL statement about the table <c>settings</c>: what the server keeps about the store itself.</summary>
public sealed class StoreSettings(Database database, TimeProvider clock)
{
    private const string MasterKeyCheck = "master_key_check";
    private const string LastProbe = "last_probe";
    private const string CheckText = "hookway";

    /// <summary>Whether something is sealed in this store, so that it has a master key already.</summary>
    public async Task<bool> HasMasterKey() => await Find(MasterKeyCheck) is not null;

    /// <summary>Makes sure that the store's secrets open with this master key; the first one that a store sees is the store's from then on.</summary>
    /// <exception cref="InvalidDataException">It is another key.</exception>
    public async Task VerifyMasterKey(SecretProtector protector)
    {
        if (await Find(MasterKeyCheck) is not { } check)
        {
            await database.Write(session => SaveMasterKeyCheck(session, protector));
            return;
        }
        if (!Opens(protector, check))
        {
            throw new InvalidDataException(
                "The master key is not the one under which this store's secrets were sealed: give that one (Hookway:MasterKey, or master.key in the data folder).");
        }
    }

    /// <summary>Whether this store's secrets are sealed under this master key.</summary>
    public async Task<bool> IsUnder(SecretProtector protector) => await Find(MasterKeyCheck) is { } check && Opens(protector, check);

    /// <summary>From now on the store's master key is this one.</summary>
    public Task<int> SaveMasterKeyCheck(WriteSession session, SecretProtector protector) => Save(session, MasterKeyCheck, protector.Protect(CheckText, MasterKeyCheck));

    private static bool Opens(SecretProtector protector, byte[] check)
    {
        try
        {
            return protector.Unprotect(check, MasterKeyCheck) == CheckText;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    /// <summary>Changes one row: shows that the store takes writes.</summary>
    public Task Probe() => Save(LastProbe, BitConverter.GetBytes(clock.GetUtcNow().ToUnixTimeMilliseconds()));

    /// <summary>Takes, or keeps, a turn at something that one server at a time does; false while another has it.</summary>
    /// <param name="holder">Who asks.</param>
    /// <param name="until">When others may take it.</param>
    public Task<bool> TakeTurn(string name, string holder, DateTimeOffset until) => database.Write(async session =>
        await session.Connection.ExecuteAsync(
            """
            INSERT INTO settings (name, value) VALUES (@name, @value)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE settings.value < @now OR substr(settings.value, @behindTime) = @holder
            """,
            new { name, value = (byte[])[.. Sortable(until), .. Encoding.UTF8.GetBytes(holder)], now = Sortable(clock.GetUtcNow()), behindTime = sizeof(long) + 1, holder = Encoding.UTF8.GetBytes(holder) }) == 1);

    /// <summary>A time as bytes that compare as it does.</summary>
    private static byte[] Sortable(DateTimeOffset time)
    {
        var bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, time.ToUnixTimeMilliseconds());
        return bytes;
    }

    private Task<byte[]?> Find(string name) => database.Read(connection =>
        connection.QuerySingleOrDefaultAsync<byte[]>("SELECT value FROM settings WHERE name = @name", new { name }));

    private Task<int> Save(string name, byte[] value) => database.Write(session => Save(session, name, value));

    private static Task<int> Save(WriteSession session, string name, byte[] value) => session.Connection.ExecuteAsync(
        "INSERT INTO settings (name, value) VALUES (@name, @value) ON CONFLICT (name) DO UPDATE SET value = excluded.value", new { name, value });
}
