using Dapper;
using Hookway.Storage;

namespace Hookway.Deliveries;

/// <summary>Every SQL statement about the circuits of targets.</summary>
public sealed class CircuitStore(Database database)
{
    private const int AttemptsOfADay = 1_000;

    /// <summary>The target's circuit while it is open; null when it is closed.</summary>
    public Task<TargetCircuit?> Find(long targetNo) => database.Read(async connection =>
        (await connection.QueryAsync<(long FailingSince, long ProbeAt, long Pause)>(
            "SELECT failing_since, probe_at, pause FROM target_circuits WHERE target_no = @targetNo AND failing_since IS NOT NULL", new { targetNo })).AsList() is [var row]
            ? new TargetCircuit(Stored.Time(row.FailingSince), Stored.Time(row.ProbeAt), TimeSpan.FromMilliseconds(row.Pause))
            : null);

    /// <summary>The failures with which a target's attempts end, counted up to the number that opens a circuit, without those that are forgiven.</summary>
    public Task<RecentFailures> Failures(long targetNo) => database.Read(async connection =>
    {
        var failures = (await connection.QueryAsync<(string? Error, long StartedAt, long DurationMs)>(
                "SELECT error, started_at, duration_ms FROM attempts WHERE target_no = @targetNo ORDER BY seq DESC LIMIT @most",
                new { targetNo, most = TargetCircuit.FailuresThatOpen })).AsList();
        var forgivenAt = failures.Count == 0 ? null : await connection.ExecuteScalarAsync<long?>(
            "SELECT forgiven_at FROM target_circuits WHERE target_no = @targetNo", new { targetNo });
        failures = [.. failures.TakeWhile(attempt => attempt.Error is not null && !(attempt.StartedAt <= forgivenAt))];
        return new RecentFailures(failures.Count, failures is [.., var first] ? Stored.Time(first.StartedAt + first.DurationMs) : null);
    });

    /// <summary>Records a change, in the transaction that records the attempt that made it.</summary>
    public static Task Record(WriteSession session, long targetNo, CircuitChange change) => change.Step switch
    {
        CircuitStep.Closed => Erase(session, targetNo),
        // Closed meanwhile by a person: a probe that was under way does not open it again.
        CircuitStep.ProbeFailed => session.Connection.ExecuteAsync(
            "UPDATE target_circuits SET probe_at = @probeAt, pause = @pause WHERE target_no = @targetNo AND failing_since IS NOT NULL", Values(targetNo, change.Circuit)),
        _ => session.Connection.ExecuteAsync(
            """
            INSERT INTO target_circuits (target_no, failing_since, probe_at, pause) VALUES (@targetNo, @failingSince, @probeAt, @pause)
            ON CONFLICT (target_no) DO UPDATE SET failing_since = excluded.failing_since, probe_at = excluded.probe_at, pause = excluded.pause
            """, Values(targetNo, change.Circuit)),
    };

    /// <summary>Closes a target's circuit and counts its failures anew: it was taken back into service.</summary>
    public static Task Forgive(WriteSession session, long targetNo, DateTimeOffset now) => session.Connection.ExecuteAsync(
        """
        INSERT INTO target_circuits (target_no, forgiven_at) VALUES (@targetNo, @now)
        ON CONFLICT (target_no) DO UPDATE SET failing_since = NULL, probe_at = NULL, pause = NULL, forgiven_at = excluded.forgiven_at
        """, new { targetNo, now = now.ToUnixTimeMilliseconds() });

    /// <summary>Forgets that a target ever failed: it succeeded, or is erased itself.</summary>
    public static Task Erase(WriteSession session, long targetNo) =>
        session.Connection.ExecuteAsync("DELETE FROM target_circuits WHERE target_no = @targetNo", new { targetNo });

    /// <summary>Whether an attempt failed in the day before <paramref name="at"/>, and at least <see cref="TargetCircuit.FailuresApart"/> before it.</summary>
    public static async Task<bool> FailedAllDay(WriteSession session, long targetNo, DateTimeOffset at) =>
        await session.Connection.ExecuteScalarAsync<long?>(
            """
            SELECT 1 FROM (SELECT error, started_at + duration_ms AS ended_at FROM attempts WHERE target_no = @targetNo ORDER BY seq DESC LIMIT @most) AS latest
            WHERE error IS NOT NULL AND ended_at >= @from AND ended_at <= @to LIMIT 1
            """,
            new
            {
                targetNo,
                most = AttemptsOfADay,
                from = (at - TimeSpan.FromDays(1)).ToUnixTimeMilliseconds(),
                to = (at - TargetCircuit.FailuresApart).ToUnixTimeMilliseconds(),
            }) is not null;

    private static object Values(long targetNo, TargetCircuit circuit) => new
    {
        targetNo,
        failingSince = circuit.FailingSince.ToUnixTimeMilliseconds(),
        probeAt = circuit.ProbeAt.ToUnixTimeMilliseconds(),
        pause = (long)circuit.Pause.TotalMilliseconds,
    };
}
