namespace Hookway.Deliveries.Stats;

/// <summary>What became of the deliveries to one target since a time.</summary>
/// <param name="Since">Where it begins: the five minutes in which the time lies that was asked for, at most 300 days back.</param>
/// <param name="Until">When it was made.</param>
/// <param name="SuccessRate">The part of the attempts that succeeded, from 0 to 1; null when there were none.</param>
/// <param name="Latency">Of the attempts that were answered or timed out; null when there were none.</param>
/// <param name="StepSeconds">How much time a point of the series stands for.</param>
/// <param name="Series">The same in the course of time, oldest first, without gaps.</param>
public sealed record TargetStats(
    DateTimeOffset Since, DateTimeOffset Until, DeliveryCounts Deliveries, AttemptCounts Attempts, double? SuccessRate, Latencies? Latency, int StepSeconds,
    IReadOnlyList<StatPoint> Series);

/// <summary>Deliveries by their status. Those that ended since the time count where and as often as they ended: one that was replayed counts once for each run.</summary>
/// <param name="Pending">Those that are pending now, counted up to 100,000.</param>
/// <param name="Held">The same while the target is paused.</param>
public sealed record DeliveryCounts(int Pending, int Held, long Succeeded, long Failed, long Canceled);

/// <summary>Attempts by what they came to.</summary>
public sealed record AttemptCounts(long Succeeded, long Failed);

/// <summary>Percentiles of latency, in milliseconds, at most 5 % off.</summary>
public sealed record Latencies(double P50, double P90, double P95, double P99);

/// <summary>One step of the series.</summary>
/// <param name="At">Where it begins.</param>
/// <param name="Succeeded">Attempts that did.</param>
/// <param name="Failed">Attempts that did not.</param>
public sealed record StatPoint(DateTimeOffset At, long Succeeded, long Failed, Latencies? Latency);

/// <summary>Adds up what the slots of a target hold.</summary>
internal sealed class StatSum
{
    private readonly LatencyHistogram _latencies = new();

    public long AttemptsSucceeded { get; private set; }
    public long AttemptsFailed { get; private set; }
    public long Succeeded { get; private set; }
    public long Failed { get; private set; }
    public long Canceled { get; private set; }

    public double? SuccessRate => AttemptsSucceeded + AttemptsFailed is > 0 and var all ? Math.Round((double)AttemptsSucceeded / all, 4) : null;

    public Latencies? Latency => _latencies.Count == 0 ? null : new(Milliseconds(0.50), Milliseconds(0.90), Milliseconds(0.95), Milliseconds(0.99));

    public void Add(StatRow row)
    {
        AttemptsSucceeded += row.AttemptsSucceeded;
        AttemptsFailed += row.AttemptsFailed;
        Succeeded += row.Succeeded;
        Failed += row.Failed;
        Canceled += row.Canceled;
        _latencies.Add(row.Latencies);
    }

    private double Milliseconds(double part) => Math.Round(_latencies.Percentile(part)!.Value.TotalMilliseconds, 3);
}
