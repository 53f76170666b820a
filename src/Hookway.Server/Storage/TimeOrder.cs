using System.Buffers.Binary;
using System.Data.Common;
using System.Numerics;
using Dapper;

namespace Hookway.Storage;

/// <summary>
/// Finds the rows of a time in a table that is numbered in the order of its commits, by halving: an index by time would cost every insert. Times follow numbers but for
/// the moments between a row's making and its commit. Where they are further apart (the clock was set back, a commit had to wait) the writer notes by how much, in the
/// same transaction, and whoever looks for a time allows for it.
/// </summary>
/// <param name="table">A table with a key <c>seq</c>.</param>
/// <param name="column">Its time, in Unix milliseconds.</param>
public sealed class TimeOrder(string table, string column)
{
    /// <summary>What is always allowed for; also how far the clocks of nodes may be apart.</summary>
    public static readonly TimeSpan Assumed = TimeSpan.FromSeconds(5);

    private readonly string _setting = "disorder/" + table;
    private long? _latest;
    private long _noted = (long)Assumed.TotalMilliseconds;
    private long _found;

    /// <summary>On the writer: looks at the times of the rows it adds, in the order of their numbers.</summary>
    public async Task Note(WriteSession session, IEnumerable<long> times)
    {
        _latest ??= await session.Connection.ExecuteScalarAsync<long>($"SELECT coalesce((SELECT {column} FROM {table} ORDER BY seq DESC LIMIT 1), 0)");
        var latest = _latest.Value;
        var most = 0L;
        foreach (var time in times)
        {
            most = Math.Max(most, latest - time);
            latest = Math.Max(latest, time);
        }
        // Kept when the transaction is not: then it is later than all that is there, which only makes the allowance larger.
        _latest = latest;
        // What an earlier transaction found and could not write is not noted by this one.
        _found = 0;
        if (most > _noted)
        {
            // Rounded up, so that a disorder that grows slowly is not written each time.
            _found = (long)BitOperations.RoundUpToPowerOf2((ulong)most);
            var value = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64BigEndian(value, _found);
            await session.Connection.ExecuteAsync(
                """
                INSERT INTO settings (name, value) VALUES (@name, @value)
                ON CONFLICT (name) DO UPDATE SET value = CASE WHEN excluded.value > settings.value THEN excluded.value ELSE settings.value END
                """, new { name = _setting, value });
        }
    }

    /// <summary>On the writer, after the commit: what was noted need not be noted again.</summary>
    public void Noted() => _noted = Math.Max(_noted, _found);

    /// <summary>Below this number no row is dated <paramref name="since"/> or later.</summary>
    public async Task<long> FirstSince(DbConnection connection, long since) => await NumberAt(connection, since - await Disorder(connection));

    /// <summary>The same for many times at once.</summary>
    public async Task<IReadOnlyList<long>> FirstSince(DbConnection connection, IReadOnlyList<long> since)
    {
        var disorder = await Disorder(connection);
        return await NumbersAt(connection, [.. since.Select(time => time - disorder)]);
    }

    /// <summary>From this number on no row is dated before <paramref name="until"/>.</summary>
    public async Task<long> EndBefore(DbConnection connection, long until) => await NumberAt(connection, until + await Disorder(connection));

    private async Task<long> Disorder(DbConnection connection) =>
        await connection.ExecuteScalarAsync<byte[]>("SELECT value FROM settings WHERE name = @name", new { name = _setting }) is { } value
            ? BinaryPrimitives.ReadInt64BigEndian(value)
            : (long)Assumed.TotalMilliseconds;

    private async Task<long> NumberAt(DbConnection connection, long time) => (await NumbersAt(connection, [time]))[0];

    /// <summary>Halves for all times at once: each round is one statement.</summary>
    private async Task<long[]> NumbersAt(DbConnection connection, IReadOnlyList<long> times)
    {
        if (times.Count == 0)
        {
            return [];
        }
        var (first, last) = await connection.QuerySingleAsync<(long, long)>(
            $"SELECT coalesce((SELECT min(seq) FROM {table}), 0), coalesce((SELECT max(seq) FROM {table}), 0)");
        var low = new long[times.Count];
        var high = new long[times.Count];
        Array.Fill(low, first);
        Array.Fill(high, last + 1);
        var next = $"FROM {table} WHERE seq >= v.middle ORDER BY seq LIMIT 1";
        var sql =
            $"""
            WITH v(i, middle) AS (VALUES {string.Join(", ", times.Select((_, i) => $"({i}, @m{i})"))})
            SELECT v.i, (SELECT seq {next}) AS seq, (SELECT {column} {next}) AS at FROM v ORDER BY v.i
            """;
        while (low.Zip(high).Any(range => range.First < range.Second))
        {
            var middles = new DynamicParameters();
            for (var i = 0; i < low.Length; i++)
            {
                middles.Add($"m{i}", low[i] + ((high[i] - low[i]) / 2));
            }
            foreach (var (i, seq, at) in await connection.QueryAsync<(int, long?, long?)>(sql, middles))
            {
                if (low[i] < high[i])
                {
                    (low[i], high[i]) = at < times[i] ? (seq!.Value + 1, high[i]) : (low[i], low[i] + ((high[i] - low[i]) / 2));
                }
            }
        }
        return low;
    }
}
