using System.Data.Common;
using Dapper;
using Hookway.Storage;

namespace Hookway.Ingest.Anomalies;

/// <summary>Every SQL statement about how much sources send.</summary>
public static class FeedRateStore
{
    private static readonly RowStatement<HourCount> CountStatement = new RowStatement<HourCount>(
        """
        INSERT INTO source_hours (source_no, hour, events, slow, retried) SELECT v.source, v.hour, v.events, v.slow, v.retried FROM {rows} WHERE true
        ON CONFLICT (source_no, hour) DO UPDATE SET events = source_hours.events + excluded.events, slow = source_hours.slow + excluded.slow,
            retried = source_hours.retried + excluded.retried
        """)
        .Number("source", row => row.SourceNo).Number("hour", row => row.Hour).Number("events", row => row.Events).Number("slow", row => row.Slow).Number("retried", row => row.Retried);

    public static Task Count(WriteSession session, IReadOnlyList<HourCount> hours) => session.ForEach(CountStatement, hours);

    /// <summary>What a source sent from one hour to another.</summary>
    public static async Task<IReadOnlyList<HourCount>> Hours(DbConnection connection, long sourceNo, long first, long last) =>
        [.. (await connection.QueryAsync<(long Hour, long Events, long Slow, long Retried)>(
            "SELECT hour, events, slow, retried FROM source_hours WHERE source_no = @sourceNo AND hour >= @first AND hour <= @last", new { sourceNo, first, last }))
            .Select(row => new HourCount(sourceNo, row.Hour, row.Events, row.Slow, row.Retried))];

    /// <summary>The next sources that are in use, with what each has sent since an hour.</summary>
    public static async Task<List<(long SourceNo, string SourceId, long WorkspaceNo, Dictionary<long, long> Events)>> Read(DbConnection connection, long after, long since, int most)
    {
        var found = new List<(long, string, long, Dictionary<long, long>)>();
        foreach (var (no, id, workspaceNo) in (await connection.QueryAsync<(long, string, long)>(
            "SELECT no, id, workspace_no FROM sources WHERE no > @after AND archived_at IS NULL ORDER BY no LIMIT @most", new { after, most })).AsList())
        {
            found.Add((no, id, workspaceNo, (await connection.QueryAsync<(long Hour, long Events)>("SELECT hour, events FROM source_hours WHERE source_no = @no AND hour >= @since", new { no, since }))
                .ToDictionary(row => row.Hour, row => row.Events)));
        }
        return found;
    }

    private static readonly RowStatement<KeyValuePair<(long SourceNo, string Type, long Hour), long>> CountTypesStatement = new RowStatement<KeyValuePair<(long SourceNo, string Type, long Hour), long>>(
        """
        INSERT INTO type_hours (source_no, type, hour, events) SELECT v.source, v.type, v.hour, v.events FROM {rows} WHERE true
        ON CONFLICT (source_no, type, hour) DO UPDATE SET events = type_hours.events + excluded.events
        """)
        .Number("source", row => row.Key.SourceNo).Text("type", row => row.Key.Type).Number("hour", row => row.Key.Hour).Number("events", row => row.Value);

    public static Task CountTypes(WriteSession session, IReadOnlyList<KeyValuePair<(long SourceNo, string Type, long Hour), long>> types) => session.ForEach(CountTypesStatement, types);

    /// <summary>What a source has sent of each type since an hour.</summary>
    public static async Task<IReadOnlyDictionary<string, IReadOnlyDictionary<long, long>>> Types(DbConnection connection, long sourceNo, long since) => (await connection.QueryAsync<(string Type, long Hour, long Events)>(
        "SELECT type, hour, events FROM type_hours WHERE source_no = @sourceNo AND hour >= @since", new { sourceNo, since }))
        .GroupBy(row => row.Type, StringComparer.Ordinal).ToDictionary(type => type.Key, IReadOnlyDictionary<long, long> (type) => type.ToDictionary(row => row.Hour, row => row.Events), StringComparer.Ordinal);

    /// <summary>Forgets what sources sent before an hour, and how long it took.</summary>
    /// <param name="withTypes">Also how much of each type.</param>
    public static async Task Forget(WriteSession session, IEnumerable<long> sources, long before, bool withTypes)
    {
        var list = Stored.List(sources);
        if (withTypes)
        {
            await session.Connection.ExecuteAsync($"DELETE FROM type_hours WHERE source_no IN {list} AND hour < @before", new { before });
        }
        await session.Connection.ExecuteAsync($"DELETE FROM source_hours WHERE source_no IN {list} AND hour < @before", new { before });
        await session.Connection.ExecuteAsync($"DELETE FROM source_times WHERE source_no IN {list} AND day < @day", new { day = (before / 24) - UsualTime.KeptDays });
    }
}
