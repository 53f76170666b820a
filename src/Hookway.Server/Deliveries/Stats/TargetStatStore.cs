using System.Data.Common;
using Dapper;
using Hookway.Storage;

namespace Hookway.Deliveries.Stats;

/// <summary>
/// Every SQL statement about what attempts to targets came to, which is kept in slots of five minutes. A slot of a target may have several rows, which add up: each
/// process writes its own, so that none has to read what another wrote.
/// </summary>
public sealed class TargetStatStore(Database database, TimeProvider clock)
{
    /// <summary>What one row stands for.</summary>
    public static readonly TimeSpan Slot = TimeSpan.FromMinutes(5);

    private const int MostPoints = 300;
    private const int MostPending = 100_000;

    /// <summary>The part of a slot that counts what ended without an attempt.</summary>
    private const long NoAttempt = 0;

    private static readonly TimeSpan[] Steps =
    [
        Slot, TimeSpan.FromMinutes(15), TimeSpan.FromMinutes(30), TimeSpan.FromHours(1), TimeSpan.FromHours(2), TimeSpan.FromHours(3), TimeSpan.FromHours(6),
        TimeSpan.FromHours(12), TimeSpan.FromDays(1),
    ];

    private static readonly RowStatement<StatRow> WriteStatement = StatRow.Statement(
        """
        INSERT INTO target_stats (target_no, slot, part, attempts_succeeded, attempts_failed, succeeded, failed, canceled, latencies)
        SELECT v.target, v.slot, v.part, v.attempts_succeeded, v.attempts_failed, v.succeeded, v.failed, v.canceled, v.latencies FROM {rows} WHERE true
        ON CONFLICT (target_no, slot, part) DO UPDATE SET attempts_succeeded = excluded.attempts_succeeded, attempts_failed = excluded.attempts_failed,
            succeeded = excluded.succeeded, failed = excluded.failed, canceled = excluded.canceled, latencies = excluded.latencies
        """);

    private static readonly RowStatement<StatRow> CountStatement = StatRow.Statement(
        """
        INSERT INTO target_stats (target_no, slot, part, attempts_succeeded, attempts_failed, succeeded, failed, canceled, latencies)
        SELECT v.target, v.slot, v.part, v.attempts_succeeded, v.attempts_failed, v.succeeded, v.failed, v.canceled, v.latencies FROM {rows} WHERE true
        ON CONFLICT (target_no, slot, part) DO UPDATE SET canceled = target_stats.canceled + excluded.canceled
        """);

    /// <summary>The number of the slot in which a time lies.</summary>
    public static long SlotOf(DateTimeOffset time) => (long)Math.Floor((time - DateTimeOffset.UnixEpoch) / Slot);

    /// <summary>Writes rows as they are now: those that a process writes alone.</summary>
    internal static Task Write(WriteSession session, IReadOnlyList<StatRow> rows) => session.ForEach(WriteStatement, rows);

    /// <summary>Counts deliveries that were canceled without an attempt, by their targets.</summary>
    public static Task CountCanceled(WriteSession session, IEnumerable<long> targets, DateTimeOffset at) => session.ForEach(
        CountStatement,
        [.. targets.CountBy(no => no).OrderBy(target => target.Key).Select(target => new StatRow(target.Key, SlotOf(at), NoAttempt) { Canceled = target.Value })]);

    /// <summary>The stats of a target since a time.</summary>
    /// <param name="isPaused">Whether what is pending for it is held.</param>
    public Task<TargetStats> Sum(long targetNo, bool isPaused, DateTimeOffset since) => database.Read(async connection =>
    {
        var now = clock.GetUtcNow();
        var first = Math.Max(SlotOf(since), SlotOf(now - (Steps[^1] * (MostPoints - 1))));
        var rows = (await connection.QueryAsync<StatRow>(
            """
            SELECT target_no, slot, part, attempts_succeeded, attempts_failed, succeeded, failed, canceled, latencies FROM target_stats
            WHERE target_no = @targetNo AND slot >= @first
            """, new { targetNo, first })).AsList();
        var from = StartOf(first);
        var step = Steps.First(step => (now - from) / step <= MostPoints);
        var start = StartOf(SlotOf(DateTimeOffset.UnixEpoch + (step * Math.Floor((from - DateTimeOffset.UnixEpoch) / step))));
        // Rows of a clock that was ahead come behind the last point.
        var last = rows.Select(row => StartOf(row.Slot)).Append(from > now ? start - step : now).Max();
        var points = Enumerable.Range(0, (int)Math.Floor((last - start) / step) + 1).Select(i => (At: start + (step * i), Sum: new StatSum())).ToList();
        var all = new StatSum();
        foreach (var row in rows)
        {
            all.Add(row);
            points[(int)((StartOf(row.Slot) - start) / step)].Sum.Add(row);
        }
        var pending = await Pending(connection, targetNo);
        return new TargetStats(
            from, now, new DeliveryCounts(isPaused ? 0 : pending, isPaused ? pending : 0, all.Succeeded, all.Failed, all.Canceled),
            new AttemptCounts(all.AttemptsSucceeded, all.AttemptsFailed), all.SuccessRate, all.Latency, (int)step.TotalSeconds,
            [.. points.Select(point => new StatPoint(point.At, point.Sum.AttemptsSucceeded, point.Sum.AttemptsFailed, point.Sum.Latency))]);
    });

    /// <summary>Erases all that is kept of a target.</summary>
    public static Task Erase(WriteSession session, long targetNo) =>
        session.Connection.ExecuteAsync("DELETE FROM target_stats WHERE target_no = @targetNo", new { targetNo });

    /// <summary>Deletes up to <paramref name="most"/> rows from before a time; answers how many. Rows are numbered in the order of their slots, but for clocks that differ.</summary>
    public static Task<int> Trim(WriteSession session, DateTimeOffset before, int most) => session.Connection.ExecuteAsync(
        "DELETE FROM target_stats WHERE no IN (SELECT no FROM (SELECT no, slot FROM target_stats ORDER BY no LIMIT @most) AS oldest WHERE slot < @slot)",
        new { slot = SlotOf(before), most });

    private static DateTimeOffset StartOf(long slot) => DateTimeOffset.UnixEpoch + (Slot * slot);

    private static Task<int> Pending(DbConnection connection, long targetNo) => connection.ExecuteScalarAsync<int>(
        "SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE target_no = @targetNo AND status = 0 LIMIT @most) AS some_pending", new { targetNo, most = MostPending });
}

/// <summary>A row as it is kept.</summary>
internal sealed record StatRow(long TargetNo, long Slot, long Part)
{
    public StatRow() : this(0, 0, 0)
    {
    }

    public long AttemptsSucceeded { get; init; }
    public long AttemptsFailed { get; init; }

    /// <summary>Deliveries that ended so; the same below.</summary>
    public long Succeeded { get; init; }
    public long Failed { get; init; }
    public long Canceled { get; init; }

    /// <summary>A <see cref="LatencyHistogram"/>, written down.</summary>
    public byte[] Latencies { get; init; } = [];

    public static RowStatement<StatRow> Statement(string sql) => new RowStatement<StatRow>(sql)
        .Number("target", row => row.TargetNo).Number("slot", row => row.Slot).Number("part", row => row.Part)
        .Number("attempts_succeeded", row => row.AttemptsSucceeded).Number("attempts_failed", row => row.AttemptsFailed)
        .Number("succeeded", row => row.Succeeded).Number("failed", row => row.Failed).Number("canceled", row => row.Canceled)
        .Bytes("latencies", row => row.Latencies);
}
