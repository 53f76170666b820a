using System.Globalization;
using Hookway.Deliveries;
using Hookway.Storage;

namespace Hookway.Issues;

/// <summary>
/// Notes, in the transaction that records attempts, what may come to an issue: deliveries that failed for good, failures of a target that is down, targets that were
/// disabled. A note is a row for all of a commit that has the same target and outcome; <see cref="DeliveryIssues"/> makes issues of them later. What succeeds, or will
/// be tried again, costs a look in memory.
/// </summary>
public sealed class DeliverySignals : IAttemptObserver
{
    public Task Recorded(WriteSession session, ChangedSubjects touched, IReadOnlyList<AttemptRecord> records, DisableTarget disable)
    {
        Dictionary<(long TargetNo, AttemptOutcome Outcome), DeliverySignal>? signals = null;
        foreach (var record in records)
        {
            if (record.Attempt.Outcome is AttemptOutcome.Succeeded || !(IsFinal(record) || IsDown(record)))
            {
                continue;
            }
            signals ??= [];
            var key = (record.Attempt.TargetNo, record.Attempt.Outcome);
            signals[key] = Of(record).After(signals.GetValueOrDefault(key));
        }
        return signals is null ? Task.CompletedTask : DeliverySignalStore.Add(session, [.. signals.Values.OrderBy(signal => signal.TargetNo)]);
    }

    public Task Disabled(WriteSession session, ChangedSubjects touched, AttemptRecord because, string reason) =>
        DeliverySignalStore.Add(session, [Of(because) with { Reason = reason }]);

    private static bool IsFinal(AttemptRecord record) => record.Verdict.Change is DeliveryChange.AttemptsExhausted or DeliveryChange.ReceiverAborted;

    private static bool IsDown(AttemptRecord record) => record.Circuit is { Step: CircuitStep.Opened or CircuitStep.ProbeFailed };

    private static DeliverySignal Of(AttemptRecord record) => new(
        0, record.Attempt.TargetNo, record.Attempt.Outcome.Code(), record.Attempt.ResponseStatus, IsDown(record), 1, record.Attempt.EndedAt, record.Attempt.EndedAt,
        [record.Attempt.MessageSeq], null);
}

/// <summary>What may come to an issue, as it is noted.</summary>
/// <param name="Error">The code of how it failed; null of one that succeeded and asked to be disabled nevertheless.</param>
/// <param name="ResponseStatus">What the receiver answered last.</param>
/// <param name="IsDown">Several attempts in a row have failed.</param>
/// <param name="ItemSeqs">The last items that it happened to.</param>
/// <param name="Reason">Why the target was disabled; null when it was not.</param>
public sealed record DeliverySignal(
    long Seq, long TargetNo, string? Error, int? ResponseStatus, bool IsDown, int Times, DateTimeOffset FirstAt, DateTimeOffset LastAt, IReadOnlyList<long> ItemSeqs,
    string? Reason)
{
    /// <summary>The two as one.</summary>
    public DeliverySignal After(DeliverySignal? earlier) => earlier is null ? this : this with
    {
        IsDown = IsDown || earlier.IsDown,
        Times = earlier.Times + Times,
        FirstAt = earlier.FirstAt < FirstAt ? earlier.FirstAt : FirstAt,
        LastAt = earlier.LastAt > LastAt ? earlier.LastAt : LastAt,
        ItemSeqs = [.. earlier.ItemSeqs.Concat(ItemSeqs).TakeLast(Issue.MostItems)],
    };

    internal string ItemText => string.Join(',', ItemSeqs.Select(seq => seq.ToString(CultureInfo.InvariantCulture)));

    internal static IReadOnlyList<long> ReadItems(string text) => [.. text.Split(',').Select(seq => long.Parse(seq, CultureInfo.InvariantCulture))];
}
