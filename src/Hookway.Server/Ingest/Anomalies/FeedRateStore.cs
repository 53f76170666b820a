using System.Data.Common;
using Dapper;
using Hookway.Storage;

namespace Hookway.Ingest.Anomalies;

/// <summary>Every SQL statement about how much sources send.</summary>
public static class FeedRateStore
{
    private static readonly RowStatement<(long SourceNo, long Hour, long Events)> CountStatement = new RowStatement<(long SourceNo, long Hour, long Events)>(
        """
        INSERT INTO source_hours (source_no, hour, events) SELECT v.source, v.hour, v.events FROM {rows} WHERE true
        ON CONFLICT (source_no, hour) DO UPDATE SET events = source_hours.events + excluded.events
        """).Number("source", row => row.SourceNo).Number("hour", row => row.Hour).Number("events", row => row.Events);

    public static Task Count(WriteSession session, IReadOnlyList<(long SourceNo, long Hour, long Events)> hours) => session.ForEach(CountStatement, hours);

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

    /// <summary>Forgets what sources sent before an hour.</summary>
    public static Task Forget(WriteSession session, IEnumerable<long> sources, long before) =>
        session.Connection.ExecuteAsync($"DELETE FROM source_hours WHERE source_no IN {Stored.List(sources)} AND hour < @before", new { before });
}
