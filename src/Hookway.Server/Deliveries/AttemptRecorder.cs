using Hookway.Deliveries.Ownership;
using Hookway.Deliveries.Stats;
using Hookway.Storage;

namespace Hookway.Deliveries;

/// <summary>
/// Writes what attempts came to: the attempt, its delivery and, where it comes to that, its target change in one commit, many attempts at a time.
/// An outcome is kept in memory and tried again while the store is away: the receiver has seen the request, and that must not be forgotten.
/// </summary>
public sealed class AttemptRecorder
{
    private const int EndedWithDisable = 1_000;
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    private readonly Database _database;
    private readonly Configuration _configuration;
    private readonly TimeOrder _times;
    private readonly ITargetOwnership _ownership;
    private readonly TargetStatRecorder _stats;
    private readonly IAttemptObserver[] _observers;
    private readonly DeliveryMetrics _metrics;
    private readonly TimeProvider _clock;
    private readonly ILogger<AttemptRecorder> _log;
    private readonly WriteLane<AttemptRecord, RecordedAttempt> _lane;

    public AttemptRecorder(
        Database database, Configuration configuration, AttemptStore attempts, ITargetOwnership ownership, TargetStatRecorder stats, IEnumerable<IAttemptObserver> observers,
        DeliveryMetrics metrics, TimeProvider clock, ILogger<AttemptRecorder> log)
    {
        _ownership = ownership;
        _observers = [.. observers];
        _metrics = metrics;
        _database = database;
        _configuration = configuration;
        _times = attempts.Times;
        _stats = stats;
        _clock = clock;
        _log = log;
        _lane = new WriteLane<AttemptRecord, RecordedAttempt>("attempts", Write, Committed, record => record.Attempt.ResponseBody.Length, Configuration.LaneOrder - 1);
    }

    /// <summary>Ends when the record is durable; answers how its delivery stands then. Null when it is erased, or this node may not speak for it any more.</summary>
    /// <exception cref="OperationCanceledException">The server stops before the store came back; the attempt will be repeated.</exception>
    public async Task<DeliveryStanding?> Record(AttemptRecord record, CancellationToken stop)
    {
        for (var pause = TimeSpan.FromMilliseconds(100); ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                return (await _database.Write(_lane, record)).Standing;
            }
            catch (StorageUnavailableException e)
            {
                _log.LogError("An attempt could not be recorded and is tried again: {Reason}", e.Message);
                await Task.Delay(pause, _clock, stop);
            }
        }
    }

    private async Task<RecordedAttempt[]> Write(WriteSession session, IReadOnlyList<AttemptRecord> all)
    {
        _stats.Discard();
        var touched = new ChangedSubjects();
        var epoch = _ownership.Epoch;
        var records = all.All(record => record.Epoch == epoch) ? all : [.. all.Where(record => record.Epoch == epoch)];
        if (records.Count == 0)
        {
            return [.. Enumerable.Repeat(new RecordedAttempt(touched, null), all.Count)];
        }
        var standings = await DeliveryStore.Record(session, records);
        await _stats.Record(session, records, standings);
        await _times.Note(session, records.Select(record => record.Attempt.StartedAt.ToUnixTimeMilliseconds()));
        foreach (var record in records)
        {
            if (record.Verdict.DisableReason is { } reason)
            {
                await Disable(record, reason);
            }
        }
        foreach (var observer in _observers)
        {
            await observer.Recorded(session, touched, records, Disable);
        }
        await Configuration.Append(session, touched);
        var recorded = new RecordedAttempt[all.Count];
        for (var i = 0; i < recorded.Length; i++)
        {
            var attempt = all[i].Attempt;
            recorded[i] = new RecordedAttempt(
                touched, all[i].Epoch == epoch && standings.TryGetValue((attempt.MessageSeq, attempt.TargetNo), out var standing) ? standing : null);
        }
        return recorded;

        async Task Disable(AttemptRecord because, string reason)
        {
            var attempt = because.Attempt;
            await because.Source.Disable(session, touched, attempt.TargetNo, reason, attempt.EndedAt);
            // The rest of a long queue is ended by the engine when it next reads the target, also after a crash.
            await DeliveryStore.EndSome(session, attempt.TargetNo, DeliveryChange.TargetDisabled, EndedWithDisable, attempt.EndedAt);
            foreach (var observer in _observers)
            {
                await observer.Disabled(session, touched, because, reason);
            }
        }
    }

    private void Committed(IReadOnlyList<AttemptRecord> records, IReadOnlyList<RecordedAttempt> recorded)
    {
        _times.Noted();
        _stats.Committed();
        _configuration.Drop(recorded[0].Touched.Subjects);
        _metrics.Recorded(records);
    }
}

/// <summary>One attempt to record.</summary>
/// <param name="Run">The run it was made in.</param>
/// <param name="Circuit">Set when this attempt changes the circuit of its target.</param>
/// <param name="Epoch">That of the node when it was taken: a node that has lost its targets meanwhile must not speak for them.</param>
public sealed record AttemptRecord(IDeliverySource Source, Attempt Attempt, int Run, AttemptVerdict Verdict, CircuitChange? Circuit, long Epoch);

/// <summary>What recording an attempt came to.</summary>
/// <param name="Touched">What the commit changed, of which this was a part.</param>
public readonly record struct RecordedAttempt(ChangedSubjects Touched, DeliveryStanding? Standing);
