using System.Data.Common;
using Dapper;
using Hookway.Deliveries;
using Hookway.Deliveries.Stats;
using Hookway.Dispatch.Messages;
using Hookway.Ingest.Ledger;
using Hookway.Storage;

namespace Hookway.Dashboard.Overview;

/// <summary>
/// Reads what the overview shows: the last hour of a workspace, what waits, and what needs a look. Only what is the workspace's own is read, and of that a bounded part:
/// by the minute while an hour has few enough rows to look at, and else by the five minutes of the stats and of the order of numbers.
/// </summary>
public sealed class OverviewReader(Database database, MessageStore messages, EventStore events, AttemptStore attempts, TimeProvider clock)
{
    /// <summary>The most waiting deliveries that are counted.</summary>
    public const int MostWaiting = 10_000;

    private const int MostByMinute = 10_000;
    private const int MinutesInSlot = 5;
    private const int MostHistograms = 2_000;
    private const int MostFailing = 8;
    private const int MostIssues = 1_000;
    private const long Minute = 60_000;
    private const long Hour = 60;

    private const string OwnApps = "SELECT no FROM apps WHERE workspace_no = @workspaceNo";
    private const string OwnEndpoints = $"SELECT e.no FROM endpoints e WHERE e.app_no IN ({OwnApps})";
    private const string OwnDestinations = "SELECT d.no FROM destinations d WHERE d.workspace_no = @workspaceNo";
    private const string OwnTargets = $"{OwnEndpoints} UNION ALL {OwnDestinations}";

    public Task<OverviewData> Read(long workspaceNo) => database.Read(async connection =>
    {
        var now = clock.GetUtcNow();
        var first = (now.ToUnixTimeMilliseconds() / Minute) - Hour + 1;
        var slot = TargetStatStore.SlotOf(Stored.Time(first * Minute));
        var values = new { workspaceNo, slot, failing = MostFailing, histograms = MostHistograms, issues = MostIssues };
        var latencies = new LatencyHistogram();
        foreach (var encoded in await connection.QueryAsync<byte[]>($"SELECT s.latencies FROM target_stats s WHERE s.target_no IN ({OwnTargets}) AND s.slot >= @slot LIMIT @histograms", values))
        {
            latencies.Add(encoded);
        }
        var accepted = await new StepCounts("messages", "created_at", $"app_no IN ({OwnApps})", new { workspaceNo }, messages.Times).Read(connection, first * Minute, Minute, (int)Hour, MinutesInSlot);
        var received = await new StepCounts("events", "received_at", "workspace_no = @workspaceNo", new { workspaceNo }, events.Times).Read(connection, first * Minute, Minute, (int)Hour, MinutesInSlot);
        var failing = (await connection.QueryAsync<FailingRow>(
            """
            SELECT e.id AS target_id, a.id AS app_id, e.url, e.name, r.recipient AS belongs_to, c.failing_since, e.enabled
            FROM target_circuits c JOIN endpoints e ON e.no = c.target_no JOIN apps a ON a.no = e.app_no JOIN recipients r ON r.no = e.recipient_no
            WHERE a.workspace_no = @workspaceNo AND a.archived_at IS NULL AND e.deleted_at IS NULL AND c.failing_since IS NOT NULL
            ORDER BY c.failing_since LIMIT @failing
            """, values)).AsList();
        failing.AddRange(await connection.QueryAsync<FailingRow>(
            """
            SELECT d.id AS target_id, d.name, s.name AS belongs_to, c.failing_since, d.enabled
            FROM target_circuits c JOIN destinations d ON d.no = c.target_no JOIN sources s ON s.no = d.source_no
            WHERE d.workspace_no = @workspaceNo AND s.archived_at IS NULL AND d.deleted_at IS NULL AND c.failing_since IS NOT NULL
            ORDER BY c.failing_since LIMIT @failing
            """, values));
        var issues = await connection.ExecuteScalarAsync<long>("SELECT count(*) FROM (SELECT 1 FROM issues WHERE workspace_no = @workspaceNo AND status = 0 LIMIT @issues) t", values);
        var sources = await connection.ExecuteScalarAsync<long>("SELECT count(*) FROM (SELECT 1 FROM sources WHERE workspace_no = @workspaceNo AND archived_at IS NULL LIMIT @issues) t", values);
        var dispatch = await Attempts(connection, OwnEndpoints, workspaceNo, first, slot);
        var ingest = await Attempts(connection, OwnDestinations, workspaceNo, first, slot);
        return new OverviewData(
            accepted, received, dispatch, ingest, Percentile(0.5), Percentile(0.95), [.. failing.OrderBy(row => row.FailingSince).Take(MostFailing).Select(row => row.ToTarget())], issues, sources);

        double? Percentile(double part) => latencies.Percentile(part)?.TotalMilliseconds;
    });

    /// <summary>Attempts of the hour to the targets of one half, by their outcome: by the minute while they are few.</summary>
    private async Task<OverviewHalf> Attempts(DbConnection connection, string targets, long workspaceNo, long first, long slot)
    {
        var stats = (await connection.QueryAsync<StatCount>(
            $"""
            SELECT s.slot, sum(s.attempts_succeeded) AS succeeded, sum(s.attempts_failed) AS failed FROM target_stats s
            WHERE s.target_no IN ({targets}) AND s.slot >= @slot GROUP BY s.slot
            """, new { workspaceNo, slot })).AsList();
        var waiting = await connection.ExecuteScalarAsync<long>(
            $"SELECT count(*) FROM (SELECT 1 FROM deliveries d WHERE d.target_no IN ({targets}) AND d.status = 0 LIMIT @most) t", new { workspaceNo, most = MostWaiting + 1 });
        return new OverviewHalf(await Steps(connection, stats, targets, workspaceNo, first), stats.Sum(row => row.Succeeded), stats.Sum(row => row.Failed), waiting);
    }

    private async Task<IReadOnlyList<OverviewStep>> Steps(DbConnection connection, List<StatCount> stats, string targets, long workspaceNo, long first)
    {
        if (stats.Sum(row => row.Succeeded + row.Failed) > MostByMinute)
        {
            var bySlot = stats.ToDictionary(row => row.Slot);
            var slots = (int)(TimeSpan.FromHours(1) / TargetStatStore.Slot);
            var firstSlot = TargetStatStore.SlotOf(Stored.Time(first * Minute));
            return [.. Enumerable.Range(0, slots + 1).Select(i => firstSlot + i).Select(slot => new OverviewStep(
                DateTimeOffset.UnixEpoch + (TargetStatStore.Slot * slot), bySlot.GetValueOrDefault(slot)?.Succeeded ?? 0, bySlot.GetValueOrDefault(slot)?.Failed ?? 0))];
        }
        var since = first * Minute;
        var byMinute = (await connection.QueryAsync<StatCount>(
            $"""
            SELECT t.started_at / 60000 AS slot, sum(CASE WHEN t.error IS NULL THEN 1 ELSE 0 END) AS succeeded, sum(CASE WHEN t.error IS NULL THEN 0 ELSE 1 END) AS failed
            FROM attempts t WHERE t.target_no IN ({targets}) AND t.seq >= @from AND t.started_at >= @since GROUP BY 1
            """, new { workspaceNo, since, from = await attempts.Times.FirstSince(connection, since) })).ToDictionary(row => row.Slot);
        return [.. Enumerable.Range(0, (int)Hour).Select(i => first + i).Select(minute => new OverviewStep(
            Stored.Time(minute * Minute), byMinute.GetValueOrDefault(minute)?.Succeeded ?? 0, byMinute.GetValueOrDefault(minute)?.Failed ?? 0))];
    }

    private sealed record StatCount
    {
        public long Slot { get; init; }
        public long Succeeded { get; init; }
        public long Failed { get; init; }
    }

    private sealed record FailingRow
    {
        public string TargetId { get; init; } = "";
        public string? AppId { get; init; }
        public string Url { get; init; } = "";
        public string? Name { get; init; }
        public string BelongsTo { get; init; } = "";
        public long FailingSince { get; init; }
        public int Enabled { get; init; }

        public FailingTarget ToTarget() => new(TargetId, AppId, string.IsNullOrEmpty(Name) ? Url : Name, BelongsTo, Stored.Time(FailingSince), Enabled == 0);
    }
}

/// <summary>One step of a workspace's last hour.</summary>
public sealed record OverviewStep(DateTimeOffset At, long Succeeded, long Failed);

/// <summary>The attempts of one half in a workspace's last hour.</summary>
/// <param name="Waiting">Pending and held deliveries; one above <see cref="OverviewReader.MostWaiting"/> for more.</param>
public sealed record OverviewHalf(IReadOnlyList<OverviewStep> Steps, long Succeeded, long Failed, long Waiting)
{
    public double? SuccessRate => Succeeded + Failed == 0 ? null : (double)Succeeded / (Succeeded + Failed);
}

/// <summary>An endpoint or a destination that fails, or was disabled because it did.</summary>
/// <param name="AppId">Of an endpoint; null when it is a destination.</param>
/// <param name="BelongsTo">The recipient of an endpoint, or the source of a destination.</param>
public sealed record FailingTarget(string TargetId, string? AppId, string Name, string BelongsTo, DateTimeOffset Since, bool IsDisabled);

/// <summary>What the overview shows.</summary>
/// <param name="Accepted">Messages by the step of the hour.</param>
/// <param name="Received">Events by the step of the hour.</param>
/// <param name="Dispatch">Attempts to endpoints.</param>
/// <param name="Ingest">Attempts to destinations.</param>
/// <param name="P50">Milliseconds that half of the answers did not exceed; null when there were none.</param>
/// <param name="Sources">Those that are not archived.</param>
public sealed record OverviewData(
    IReadOnlyList<long> Accepted, IReadOnlyList<long> Received, OverviewHalf Dispatch, OverviewHalf Ingest, double? P50, double? P95,
    IReadOnlyList<FailingTarget> Failing, long OpenIssues, long Sources)
{
    public long Succeeded => Dispatch.Succeeded + Ingest.Succeeded;

    public long Failed => Dispatch.Failed + Ingest.Failed;

    public long Waiting => Dispatch.Waiting + Ingest.Waiting;

    public double? SuccessRate => Succeeded + Failed == 0 ? null : (double)Succeeded / (Succeeded + Failed);
}
