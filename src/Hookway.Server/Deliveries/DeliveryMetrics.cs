using System.Diagnostics.Metrics;
using Hookway.Storage;

namespace Hookway.Deliveries;

/// <summary>What the engine counts of its work. An attempt counts when it is recorded.</summary>
public sealed class DeliveryMetrics
{
    private readonly Counter<long> _attempts;
    private readonly Counter<long> _deliveries;
    private readonly Histogram<double> _durations;

    public DeliveryMetrics(HookwayMeter meter, DeliverySchedule schedule)
    {
        _attempts = meter.Meter.CreateCounter<long>("hookway.attempts", description: "Attempts that were recorded, by outcome.");
        _deliveries = meter.Meter.CreateCounter<long>("hookway.deliveries.ended", description: "Deliveries that ended with an attempt, by status.");
        _durations = meter.Meter.CreateHistogram(
            "hookway.attempt.duration", "s", "How long attempts took.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15] });
        void Gauge(string name, string description, Func<ScheduleCounts, long> value) =>
            meter.Meter.CreateObservableGauge(name, () => value(schedule.Count()), description: description);
        Gauge("hookway.attempts.in_flight", "Attempts under way on this node.", counts => counts.InFlight);
        Gauge("hookway.deliveries.ready", "Deliveries that are due and wait in this node's memory.", counts => counts.Ready);
        Gauge("hookway.targets.active", "Targets that this node works for or watches.", counts => counts.Targets);
        Gauge("hookway.targets.more_in_store", "Targets that have due deliveries in the store beyond those in memory.", counts => counts.MoreInStore);
        Gauge("hookway.targets.circuit_open", "Targets of which this node sends one delivery at a time, to see whether they are back.", counts => counts.CircuitOpen);
    }

    public void Recorded(IReadOnlyList<AttemptRecord> records)
    {
        foreach (var record in records)
        {
            _attempts.Add(1, new KeyValuePair<string, object?>("outcome", record.Attempt.Outcome.Code() ?? "succeeded"));
            _durations.Record(record.Attempt.Duration.TotalSeconds);
            if (DeliveryStates.After(DeliveryStatus.Pending, record.Verdict.Change) is { } status and not DeliveryStatus.Pending)
            {
                _deliveries.Add(1, new KeyValuePair<string, object?>("status", status.Word()));
            }
        }
    }
}

/// <summary>What the schedule holds at one moment.</summary>
public readonly record struct ScheduleCounts(int InFlight, int Ready, int Targets, int MoreInStore, int CircuitOpen);
