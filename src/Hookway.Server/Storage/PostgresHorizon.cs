using Dapper;

namespace Hookway.Storage;

/// <summary>
/// Up to where the numbers of a sequence are settled. Every transaction of a writer has its id before it takes numbers: once all that had one when a number was the last
/// are over, that number and all before it are settled.
/// </summary>
/// <param name="counter">Whose numbers.</param>
internal sealed class PostgresHorizon(string counter)
{
    private readonly Lock _gate = new();
    private SettledNumbers _settled = new(0, DateTimeOffset.MinValue);
    private Mark? _mark;

    public Task<SettledNumbers> Look(Database database, DateTimeOffset now) => database.Read(async connection =>
    {
        // Three statements, since each sees the store as it is when it begins: the number must be read before the transactions that may have taken one before it.
        var mark = _mark ??= new Mark(
            new SettledNumbers(await connection.ExecuteScalarAsync<long>($"SELECT last_value FROM {counter}_numbers"), now),
            await connection.ExecuteScalarAsync<long>("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"));
        var isOver = await connection.ExecuteScalarAsync<long>("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint") >= mark.OverAt;
        lock (_gate)
        {
            if (isOver)
            {
                _mark = _mark == mark ? null : _mark;
                _settled = mark.Numbers.Last >= _settled.Last ? mark.Numbers : _settled;
            }
            return _settled;
        }
    });

    /// <param name="OverAt">The transactions before this one may have taken the numbers.</param>
    private sealed record Mark(SettledNumbers Numbers, long OverAt);
}
