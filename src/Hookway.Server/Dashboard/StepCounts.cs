using System.Data.Common;
using Dapper;
using Hookway.Storage;

namespace Hookway.Dashboard;

/// <summary>
/// Counts rows of a table that is numbered in the order of its commits by the steps of a time: exactly while they are few, and else by their numbers alone, which an
/// index has; a step may then take from its neighbour what is dated within the disorder of clocks.
/// </summary>
/// <param name="Table">Such as <c>messages</c>.</param>
/// <param name="Time">Its time, in Unix milliseconds.</param>
/// <param name="Own">What limits it to what may be counted; its values are <see cref="Values"/>.</param>
public sealed record StepCounts(string Table, string Time, string Own, object Values, TimeOrder Times)
{
    private const int Few = 10_000;
    private const int MostInStep = 100_000;

    /// <param name="first">Unix milliseconds of the first step.</param>
    /// <param name="step">How long one is, in milliseconds.</param>
    /// <param name="together">How many steps are counted as one when there are many rows.</param>
    public async Task<IReadOnlyList<long>> Read(DbConnection connection, long first, long step, int steps, int together = 1)
    {
        var from = await Times.FirstSince(connection, first);
        var values = new DynamicParameters(Values);
        values.AddDynamicParams(new { from, since = first, step, most = Few + 1 });
        if (await connection.ExecuteScalarAsync<long>($"SELECT count(*) FROM (SELECT 1 FROM {Table} WHERE {Own} AND seq >= @from LIMIT @most) t", values) <= Few)
        {
            var counts = (await connection.QueryAsync<(long Step, long Count)>(
                $"SELECT ({Time} - @since) / @step AS step, count(*) AS count FROM {Table} WHERE {Own} AND seq >= @from AND {Time} >= @since GROUP BY 1", values))
                .ToDictionary(row => row.Step, row => row.Count);
            return [.. Enumerable.Range(0, steps).Select(i => counts.GetValueOrDefault(i))];
        }
        var slots = (steps + together - 1) / together;
        List<long> ends = [.. await Times.FirstSince(connection, [.. Enumerable.Range(1, slots - 1).Select(i => first + (i * together * step))]), long.MaxValue];
        var bounds = new DynamicParameters(Values);
        bounds.AddDynamicParams(new { from, most = MostInStep });
        for (var i = 0; i < slots; i++)
        {
            bounds.Add($"e{i}", ends[i]);
        }
        return (await connection.QueryAsync<long>(
            $"""
            WITH v(i, since, until) AS (VALUES {string.Join(", ", Enumerable.Range(0, slots).Select(i => $"({i}, {(i == 0 ? "@from" : $"@e{i - 1}")}, @e{i})"))})
            SELECT (SELECT count(*) FROM (SELECT 1 FROM {Table} WHERE {Own} AND seq >= v.since AND seq < v.until LIMIT @most) t) FROM v ORDER BY v.i
            """, bounds)).AsList();
    }
}
