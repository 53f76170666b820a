using System.Security.Cryptography;
using Dapper;

namespace Hookway.Storage;

/// <summary>
/// Seals everything in a store anew under another master key, in one transaction: a store is under the one key or under the other, whenever the process ends. No server
/// may be at work on it meanwhile, since it would go on to seal under the key that it was started with.
/// </summary>
public sealed class MasterKeyRotation(Database database, StoreSettings settings, IEnumerable<SealedColumn> columns)
{
    private const int RowsAtOnce = 1_000;

    /// <summary>Answers how many values were sealed anew.</summary>
    /// <param name="alone">Called in the transaction: sees to it that no server is at work on the store, nor begins before the transaction ends.</param>
    /// <exception cref="InvalidDataException">Something does not open with the old key; nothing was changed.</exception>
    public Task<int> Rotate(SecretProtector from, SecretProtector to, Func<WriteSession, Task>? alone = null) => database.Write(async session =>
    {
        await (alone?.Invoke(session) ?? Task.CompletedTask);
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
        var key = column.IsNumbered ? RowStatement.Number("key") : RowStatement.Text("key");
        var statement = new RowStatement(
            $"UPDATE {column.Table} SET {column.Column} = v.value FROM {{rows}} WHERE {column.Table}.{column.Key} = v.key", key, RowStatement.Bytes("value"));
        var sealedAnew = 0;
        // Step by step, so that neither memory nor a statement's time grows with the store.
        for (object after = column.IsNumbered ? long.MinValue : ""; ;)
        {
            var rows = (await session.Connection.QueryAsync<(string Key, byte[] Value)>(
                $"SELECT CAST({column.Key} AS TEXT), {column.Column} FROM {column.Table} WHERE {column.Column} IS NOT NULL AND {column.Key} > @after ORDER BY {column.Key} LIMIT @most",
                new { after, most = RowsAtOnce })).AsList();
            if (rows.Count == 0)
            {
                return sealedAnew;
            }
            await session.ForEach(statement, [.. rows.Select(row => new[] { KeyOf(column, row.Key), to.Protect(Open(column, row.Key, row.Value, from), column.PurposeOf(row.Key)) })]);
            sealedAnew += rows.Count;
            after = KeyOf(column, rows[^1].Key);
        }
    }

    private static object KeyOf(SealedColumn column, string key) => column.IsNumbered ? long.Parse(key, System.Globalization.CultureInfo.InvariantCulture) : key;

    private static string Open(SealedColumn column, string key, byte[] value, SecretProtector from)
    {
        try
        {
            return from.Unprotect(value, column.PurposeOf(key));
        }
        catch (CryptographicException e)
        {
            throw new InvalidDataException($"{column.Table}.{column.Column} of {key} does not open under the present master key: nothing has been changed.", e);
        }
    }
}
