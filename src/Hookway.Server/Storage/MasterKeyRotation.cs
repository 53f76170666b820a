using Dapper;

namespace Hookway.Storage;

/// <summary>
/// Seals everything in a store anew under another master key, in one transaction: a store is under the one key or under the other, whenever the process ends. No server
/// may be at work on it meanwhile, since it would go on to seal under the key that it was started with.
/// </summary>
public sealed class MasterKeyRotation(Database database, StoreSettings settings, IEnumerable<SealedColumn> columns)
{
    /// <summary>Answers how many values were sealed anew.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">Something does not open with the old key; nothing was changed.</exception>
    public Task<int> Rotate(SecretProtector from, SecretProtector to) => database.Write(async session =>
    {
        var sealedAnew = 0;
        foreach (var column in columns)
        {
            sealedAnew += await SealAnew(session, column, from, to);
        }
        await settings.SaveMasterKeyCheck(session, to);
        return sealedAnew;
    });

    private static async Task<int> SealAnew(WriteSession session, SealedColumn column, SecretProtector from, SecretProtector to)
    {
        var rows = (await session.Connection.QueryAsync<(string Key, byte[] Value)>(
            $"SELECT CAST({column.Key} AS TEXT), {column.Column} FROM {column.Table} WHERE {column.Column} IS NOT NULL")).AsList();
        var key = column.IsNumbered ? RowStatement.Number("key") : RowStatement.Text("key");
        await session.ForEach(
            new RowStatement($"UPDATE {column.Table} SET {column.Column} = v.value FROM {{rows}} WHERE {column.Table}.{column.Key} = v.key", key, RowStatement.Bytes("value")),
            [.. rows.Select(row => new object?[]
            {
                column.IsNumbered ? long.Parse(row.Key, System.Globalization.CultureInfo.InvariantCulture) : row.Key,
                to.Protect(from.Unprotect(row.Value, column.PurposeOf(row.Key)), column.PurposeOf(row.Key)),
            })]);
        return rows.Count;
    }
}
