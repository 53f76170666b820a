using System.Runtime.InteropServices;
using Hookway.Storage;

namespace Hookway.Deliveries.Stats;

/// <summary>
/// Counts attempts in the transaction that records them: one row for each target and five minutes, written anew from memory, so that nothing is read. A row that is not
/// in memory is begun with a number of its own; another of the same slot stays as it is. Used on the writer alone.
/// </summary>
public sealed class TargetStatRecorder(Random random)
{
    private const int MostRows = 20_000;

    private readonly Dictionary<(long TargetNo, long Slot), StatRow> _rows = [];
    private readonly Dictionary<(long TargetNo, long Slot), Change> _changes = [];
    private readonly LatencyHistogram _scratch = new();
    private long _newestSlot;

    /// <summary>Drops what a batch that was not committed left.</summary>
    public void Discard() => _changes.Clear();

    /// <param name="standings">How the deliveries stand now.</param>
    public Task Record(WriteSession session, IReadOnlyList<AttemptRecord> records, IReadOnlyDictionary<(long MessageSeq, long TargetNo), DeliveryStanding> standings)
    {
        foreach (var record in records)
        {
            var key = (record.Attempt.TargetNo, TargetStatStore.SlotOf(record.Attempt.EndedAt));
            ref var change = ref CollectionsMarshal.GetValueRefOrAddDefault(_changes, key, out _);
            change ??= new Change();
            change.Add(record, standings.GetValueOrDefault((record.Attempt.MessageSeq, record.Attempt.TargetNo)).Status);
        }
        foreach (var (key, change) in _changes)
        {
            change.Row = change.ApplyTo(_rows.GetValueOrDefault(key) ?? new StatRow(key.TargetNo, key.Slot, random.NextInt64(1, long.MaxValue)), _scratch);
        }
        return TargetStatStore.Write(session, [.. _changes.Values.Select(change => change.Row!)]);
    }

    /// <summary>After the commit: the store has what was written.</summary>
    public void Committed()
    {
        foreach (var (key, change) in _changes)
        {
            _rows[key] = change.Row!;
            if (key.Slot > _newestSlot)
            {
                _newestSlot = key.Slot;
                Forget(key.Slot - 1);
            }
        }
        _changes.Clear();
        if (_rows.Count > MostRows)
        {
            _rows.Clear();
        }
    }

    private void Forget(long beforeSlot)
    {
        foreach (var key in _rows.Keys)
        {
            if (key.Slot < beforeSlot)
            {
                _rows.Remove(key);
            }
        }
    }

    /// <summary>What one commit adds to a row.</summary>
    private sealed class Change
    {
        private readonly List<TimeSpan> _latencies = [];
        private int _attemptsSucceeded;
        private int _attemptsFailed;
        private int _succeeded;
        private int _failed;
        private int _canceled;

        public StatRow? Row { get; set; }

        public void Add(AttemptRecord record, DeliveryStatus status)
        {
            var attempt = record.Attempt;
            if (attempt.Outcome is AttemptOutcome.Succeeded)
            {
                _attemptsSucceeded++;
            }
            else
            {
                _attemptsFailed++;
            }
            if (attempt.ResponseStatus is not null || attempt.Outcome is AttemptOutcome.Timeout)
            {
                _latencies.Add(attempt.Duration);
            }
            // One that was ended otherwise while the attempt was under way has been counted, or will be.
            if (status != DeliveryStates.After(DeliveryStatus.Pending, record.Verdict.Change))
            {
                return;
            }
            _succeeded += status is DeliveryStatus.Succeeded ? 1 : 0;
            _failed += status is DeliveryStatus.Failed ? 1 : 0;
            _canceled += status is DeliveryStatus.Canceled ? 1 : 0;
        }

        public StatRow ApplyTo(StatRow row, LatencyHistogram scratch)
        {
            scratch.Clear();
            scratch.Add(row.Latencies);
            foreach (var latency in _latencies)
            {
                scratch.Add(latency);
            }
            return row with
            {
                AttemptsSucceeded = row.AttemptsSucceeded + _attemptsSucceeded, AttemptsFailed = row.AttemptsFailed + _attemptsFailed,
                Succeeded = row.Succeeded + _succeeded, Failed = row.Failed + _failed, Canceled = row.Canceled + _canceled, Latencies = scratch.Encode(),
            };
        }
    }
}
