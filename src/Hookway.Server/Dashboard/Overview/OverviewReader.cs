using Dapper;
using Hookway.Storage;

namespace Hookway.Dashboard.Overview;

/// <summary>Reads what the overview shows: the last hour of a workspace by the minute, what waits, and what needs a look. Each read is bounded, however much there is.</summary>
public sealed class OverviewReader(Database database, TimeProvider clock)
{
    /// <summary>The most messages and attempts that are counted: when an hour has more, a shorter time is shown.</summary>
    public const int MostMessages = 20_000;
    public const int MostAttempts = 5_000;

    /// <summary>The most waiting deliveries that are counted.</summary>
    public const int MostWaiting = 10_000;

    private const int Minutes = 60;
    private const int MostFailing = 8;
    private const long Minute = 60_000;

    public Task<OverviewData> Read(long workspaceNo) => database.Read(async connection =>
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var first = (now / Minute) - Minutes + 1;
        var values = new { workspaceNo, since = first * Minute, messages = MostMessages, attempts = MostAttempts, waiting = MostWaiting + 1, failing = MostFailing };
        var accepted = (await connection.QueryAsync<(long Minute, long Count)>(
            """
            SELECT t.created_at / 60000 AS minute, count(*) AS count FROM (
                SELECT m.created_at, m.app_no FROM messages m WHERE m.app_no IN (SELECT no FROM apps WHERE workspace_no = @workspaceNo) ORDER BY m.seq DESC LIMIT @messages) t
            WHERE t.created_at >= @since GROUP BY 1
            """, values)).ToDictionary(row => row.Minute, row => row.Count);
        var attempts = (await connection.QueryAsync<AttemptRow>(
            """
            SELECT t.started_at, t.duration_ms, CASE WHEN t.error IS NULL THEN 0 ELSE 1 END AS failed
            FROM (SELECT target_no, started_at, duration_ms, error FROM attempts ORDER BY seq DESC LIMIT @attempts) t
            JOIN endpoints e ON e.no = t.target_no JOIN apps a ON a.no = e.app_no
            WHERE a.workspace_no = @workspaceNo AND t.started_at >= @since
            """, values)).AsList();
        var waiting = await connection.ExecuteScalarAsync<long>(
            """
            SELECT count(*) FROM (SELECT 1 FROM endpoints e JOIN deliveries d ON d.target_no = e.no AND d.status = 0
                WHERE e.app_no IN (SELECT no FROM apps WHERE workspace_no = @workspaceNo) LIMIT @waiting) t
            """, values);
        var failing = (await connection.QueryAsync<FailingRow>(
            """
            SELECT e.id AS endpoint_id, a.id AS app_id, e.url, e.name, r.recipient, c.failing_since, e.enabled
            FROM target_circuits c JOIN endpoints e ON e.no = c.target_no JOIN apps a ON a.no = e.app_no JOIN recipients r ON r.no = e.recipient_no
            WHERE a.workspace_no = @workspaceNo AND a.archived_at IS NULL AND e.deleted_at IS NULL AND c.failing_since IS NOT NULL
            ORDER BY c.failing_since LIMIT @failing
            """, values)).Select(row => row.ToEndpoint()).ToList();
        return new OverviewData(
            [.. Enumerable.Range(0, Minutes).Select(i => first + i).Select(minute => new OverviewMinute(
                Stored.Time(minute * Minute), accepted.GetValueOrDefault(minute),
                attempts.Count(attempt => attempt.StartedAt / Minute == minute && attempt.Failed == 0), attempts.Count(attempt => attempt.StartedAt / Minute == minute && attempt.Failed == 1)))],
            [.. attempts.Where(attempt => attempt.Failed == 0).Select(attempt => attempt.DurationMs).Order()], waiting, failing);
    });

    private sealed record AttemptRow
    {
        public long StartedAt { get; init; }
        public long DurationMs { get; init; }
        public int Failed { get; init; }
    }

    private sealed record FailingRow
    {
        public string EndpointId { get; init; } = "";
        public string AppId { get; init; } = "";
        public string Url { get; init; } = "";
        public string? Name { get; init; }
        public string Recipient { get; init; } = "";
        public long FailingSince { get; init; }
        public int Enabled { get; init; }

        public FailingEndpoint ToEndpoint() => new(EndpointId, AppId, string.IsNullOrEmpty(Name) ? Url : Name, Recipient, Stored.Time(FailingSince), Enabled == 0);
    }
}

/// <summary>One minute of a workspace.</summary>
public sealed record OverviewMinute(DateTimeOffset At, long Accepted, long Succeeded, long Failed);

/// <summary>An endpoint that fails, or was disabled because it did.</summary>
public sealed record FailingEndpoint(string EndpointId, string AppId, string Name, string Recipient, DateTimeOffset Since, bool IsDisabled);

/// <summary>What the overview shows.</summary>
/// <param name="Latencies">Of attempts that succeeded, in milliseconds, the fastest first.</param>
/// <param name="Waiting">Pending and held deliveries; one above <see cref="OverviewReader.MostWaiting"/> for more.</param>
public sealed record OverviewData(IReadOnlyList<OverviewMinute> Minutes, IReadOnlyList<long> Latencies, long Waiting, IReadOnlyList<FailingEndpoint> Failing)
{
    public long Accepted => Minutes.Sum(minute => minute.Accepted);
    public long Succeeded => Minutes.Sum(minute => minute.Succeeded);
    public long Failed => Minutes.Sum(minute => minute.Failed);

    public double? SuccessRate => Succeeded + Failed == 0 ? null : (double)Succeeded / (Succeeded + Failed);

    public long? Latency(double share) => Latencies.Count == 0 ? null : Latencies[(int)Math.Min(Latencies.Count - 1, Math.Floor(Latencies.Count * share))];
}
