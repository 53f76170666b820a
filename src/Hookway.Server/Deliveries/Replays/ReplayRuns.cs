using Hookway.Storage;

namespace Hookway.Deliveries.Replays;

/// <summary>Begins and cancels the replays that walk in the background.</summary>
public sealed class ReplayRuns(Database database, ReplayStore store, DeliverySchedule schedule, TimeProvider clock)
{
    /// <summary>Told when there is a replay to drive: one that begins, or one to cancel.</summary>
    public Action Signal { get; set; } = static () => { };

    /// <summary>Begins a replay; it is durable when this ends, and survives the process.</summary>
    /// <param name="refused">Asked in the transaction that adds it: why nothing may be delivered to its target; null when something may.</param>
    public async Task<(Replay? Begun, DeliveryChange? Refused)> Begin(NewReplay replay, Func<WriteSession, Task<DeliveryChange?>> refused)
    {
        var now = clock.GetUtcNow();
        var why = await database.Write(async session =>
        {
            if (await refused(session) is { } change)
            {
                return change;
            }
            await ReplayStore.Insert(session, replay, now);
            return (DeliveryChange?)null;
        });
        if (why is not null)
        {
            return (null, why);
        }
        Signal();
        return (await store.Find(new ReplayScope(replay.WorkspaceNo), replay.ReplayId), null);
    }

    /// <summary>
    /// Stops a replay: it queues nothing more, and what it queued and is still pending is canceled; the rest of much in the background. One that is over stays as it is.
    /// Null when there is none.
    /// </summary>
    public async Task<Replay?> Cancel(ReplayScope scope, string replayId)
    {
        if (await store.Find(scope, replayId) is not { } replay)
        {
            return null;
        }
        var stopped = await database.Write(session => ReplayStore.BeginToCancel(session, replay));
        if (stopped)
        {
            // A transaction of its own: outcomes take deliveries first and the replay's row last, and so must this.
            var targets = await database.Write(session => CancelStep(session, replay, clock.GetUtcNow()));
            Reread(targets);
            Signal();
        }
        return await store.Find(scope, replayId);
    }

    /// <summary>Ends some of what a replay that is being canceled has pending; answers its targets.</summary>
    internal static async Task<IReadOnlyList<long>> CancelStep(WriteSession session, Replay replay, DateTimeOffset now)
    {
        const int Step = 500;
        var targets = await DeliveryStore.EndOfReplay(session, replay.No, Step, now);
        await ReplayProgress.Settle(session, replay.No, now);
        return targets;
    }

    private void Reread(IReadOnlyList<long> targets)
    {
        foreach (var target in targets)
        {
            // What waits in memory was read before; the store says what is left of it.
            schedule.Refresh(target);
        }
    }
}
