using System.Globalization;
using Hookway.Storage;

namespace Hookway.Deliveries;

/// <summary>Records when targets begin to fail, when they are tried again and when they recover, and gives up those that fail for days.</summary>
public sealed class TargetHealth : IAttemptObserver
{
    public async Task Recorded(WriteSession session, ChangedSubjects touched, IReadOnlyList<AttemptRecord> records, DisableTarget disable)
    {
        foreach (var record in records)
        {
            if (record.Circuit is not { } change)
            {
                continue;
            }
            var attempt = record.Attempt;
            await CircuitStore.Record(session, attempt.TargetNo, change);
            if (change.Step is not CircuitStep.ProbeFailed)
            {
                await record.Source.Touch(session, touched, attempt.TargetNo);
            }
            if (change.Step is not CircuitStep.Closed && record.Verdict.DisableReason is null && attempt.EndedAt - change.Circuit.FailingSince >= TargetCircuit.GivenUpAfter
                && await CircuitStore.FailedAllDay(session, attempt.TargetNo, attempt.EndedAt))
            {
                await disable(record, string.Create(
                    CultureInfo.InvariantCulture, $"No attempt has succeeded since {change.Circuit.FailingSince:yyyy-MM-dd HH:mm} UTC, for {TargetCircuit.GivenUpAfter.Days} days."));
            }
        }
    }

    public Task Disabled(WriteSession session, ChangedSubjects touched, AttemptRecord because, string reason) => Task.CompletedTask;
}
