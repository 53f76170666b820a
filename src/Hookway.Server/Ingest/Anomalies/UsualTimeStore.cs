using System.Data.Common;
using Dapper;
using Hookway.Storage;

namespace Hookway.Ingest.Anomalies;

/// <summary>Every SQL statement about how long something usually takes.</summary>
public static class UsualTimeStore
{
    private static readonly RowStatement<KeyValuePair<TimeKey, long>> CountStatement = new RowStatement<KeyValuePair<TimeKey, long>>(
        """
        INSERT INTO source_times (source_no, rule, day, step, times) SELECT v.source, v.rule, v.day, v.step, v.times FROM {rows} WHERE true
        ON CONFLICT (source_no, rule, day, step) DO UPDATE SET times = source_times.times + excluded.times
        """)
        .Number("source", row => row.Key.SourceNo).Text("rule", row => row.Key.Rule).Number("day", row => row.Key.Day).Number("step", row => row.Key.Step).Number("times", row => row.Value);

    public static Task Count(WriteSession session, IReadOnlyList<KeyValuePair<TimeKey, long>> times) => session.ForEach(CountStatement, times);

    /// <summary>What is known of a rule of a source since a day.</summary>
    public static async Task<List<TimeCount>> Read(DbConnection connection, long sourceNo, string rule, long since) => (await connection.QueryAsync<(long Day, long Step, long Times)>(
        "SELECT day, step, times FROM source_times WHERE source_no = @sourceNo AND rule = @rule AND day >= @since", new { sourceNo, rule, since }))
        .Select(row => new TimeCount(row.Day, row.Step, row.Times)).ToList();

    /// <summary>Forgets some of what was counted before a day; answers how many rows.</summary>
    public static Task<int> RemoveOld(WriteSession session, long before, int most) => session.Connection.ExecuteAsync(
        """
        DELETE FROM source_times WHERE (source_no, rule, day, step) IN (SELECT source_no, rule, day, step FROM source_times WHERE day < @before ORDER BY day LIMIT @most)
        """, new { before, most });
}

/// <summary>What times are counted by.</summary>
public readonly record struct TimeKey(long SourceNo, string Rule, long Day, long Step);
