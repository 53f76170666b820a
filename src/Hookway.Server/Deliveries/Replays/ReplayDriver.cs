using System.Threading.Channels;
using Hookway.Storage;

namespace Hookway.Deliveries.Replays;

/// <summary>
/// Walks the replays that are under way, a step of each in turn. A step opens a few deliveries again and moves the walk on in one transaction, which fails if the walk
/// is not where it was read: a replay goes on after a crash where it stood, and two drivers cannot harm it. One leads it at a time and is followed by another when
/// it falls silent. While much of a replay is due and waits, it queues no more, so that new deliveries to the same target do not stand behind all of it.
/// </summary>
public sealed class ReplayDriver(
    Database database, ReplayStore store, ReplayRuns runs, DeliveryStore deliveries, IEnumerable<IReplaySource> sources, DeliverySchedule schedule, IdGenerator ids,
    TimeProvider clock, ILogger<ReplayDriver> log) : IHostedService, IDisposable
{
    private const int Step = 200;
    private const int MostDue = 2_000;
    private const int MostFaults = 10;
    private static readonly TimeSpan BetweenSteps = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan WaitForRoom = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan MostPause = TimeSpan.FromSeconds(30);

    private readonly Dictionary<string, IReplaySource> _sources = sources.ToDictionary(source => source.Kind);
    private readonly Channel<bool> _signals = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<long, Trouble> _troubles = [];
    private readonly Dictionary<long, DateTimeOffset> _ledUntil = [];

    /// <summary>On a store that no other process works on, what an earlier one led is this one's at once.</summary>
    private readonly string _me = database.IsShared ? ids.New("driver") : "embedded";
    private Task _loop = Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        runs.Signal = () => _signals.Writer.TryWrite(true);
        _loop = Task.Run(Loop, CancellationToken.None);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _loop;
        try
        {
            await store.LetGo(_me);
        }
        catch (StorageUnavailableException)
        {
            // Then the next one waits for the lease to end.
        }
    }

    public void Dispose() => _stop.Dispose();

    private async Task Loop()
    {
        while (!_stop.IsCancellationRequested)
        {
            var wait = LookEvery;
            try
            {
                var now = clock.GetUtcNow();
                foreach (var replay in await store.ToDrive(_me, now))
                {
                    if (_stop.IsCancellationRequested)
                    {
                        return;
                    }
                    var until = _troubles.TryGetValue(replay.No, out var trouble) && trouble.Until > now ? trouble.Until - now
                        : IsOurs(replay) ? await Drive(replay)
                        : LookEvery;
                    wait = until < wait ? until : wait;
                }
            }
            catch (Exception e)
            {
                log.LogError(e, "Replays could not be read; tried again in {Pause}", LookEvery);
            }
            await Pause(wait);
        }
    }

    /// <summary>A process of another version may know kinds that this one does not.</summary>
    private bool IsOurs(Replay replay) => replay.State is ReplayState.Canceling || _sources.ContainsKey(replay.Kind);

    /// <summary>Does one step; answers when the next may follow.</summary>
    private async Task<TimeSpan> Drive(Replay replay)
    {
        try
        {
            var wait = replay.State is ReplayState.Canceling ? await Cancel(replay) : await Walk(replay);
            _troubles.Remove(replay.No);
            return wait;
        }
        catch (ReplayMovedException)
        {
            return LookEvery;
        }
        catch (Exception e)
        {
            return await Trip(replay, e);
        }
    }

    private async Task<TimeSpan> Walk(Replay replay)
    {
        var source = _sources[replay.Kind];
        var now = clock.GetUtcNow();
        if (await IsFull(source, replay, now))
        {
            await KeepLeading(replay, now);
            return WaitForRoom;
        }
        var batch = await source.Next(replay, Step);
        var reopened = await database.Write(session => Commit(session, source, replay, batch));
        reopened?.TellOf(schedule, now);
        if (reopened is null || batch.IsLast)
        {
            _ledUntil.Remove(replay.No);
            return LookEvery;
        }
        _ledUntil[replay.No] = now + Lease;
        return BetweenSteps;
    }

    private async Task KeepLeading(Replay replay, DateTimeOffset now)
    {
        if (_ledUntil.TryGetValue(replay.No, out var until) && until - now > Lease / 2)
        {
            return;
        }
        await database.Write(async session =>
        {
            await ReplayStore.KeepDriving(session, replay, _me, now + Lease, now);
            return 0;
        });
        _ledUntil[replay.No] = now + Lease;
    }

    private async Task<bool> IsFull(IReplaySource source, Replay replay, DateTimeOffset now) =>
        await deliveries.DueOfReplay(replay.No, MostDue, now) >= MostDue
        // What a paused target holds stands in nobody's way, and is to be seen.
        && !(replay.TargetNo is { } only && await source.Targets.FindTarget(only) is { Paused: true });

    /// <summary>The step itself; null when there was nothing to be done.</summary>
    private async Task<Reopened?> Commit(WriteSession session, IReplaySource source, Replay replay, ReplayBatch batch)
    {
        var now = clock.GetUtcNow();
        if (!await ReplayStore.IsUnchanged(session, replay, _me, now))
        {
            return null;
        }
        if (replay.TargetNo is { } only && await source.Targets.EndedNow(session, only) is { } why)
        {
            await ReplayStore.Fail(session, replay, why.Reason()!, now);
            return null;
        }
        var (items, ended) = replay.TargetNo is null ? await InService(session, source, batch.Items) : (batch.Items, 0);
        var reopened = await ReplayedDeliveries.Open(session, items, replay.No, source.Counter, now);
        return await ReplayStore.Advance(session, replay, batch with { Skipped = batch.Skipped + ended }, reopened.Count, _me, now + Lease, now)
            ? reopened
            : throw new ReplayMovedException();
    }

    private static async Task<(IReadOnlyList<ReplayItem> Items, int Ended)> InService(WriteSession session, IReplaySource source, IReadOnlyList<ReplayItem> items)
    {
        var ended = new HashSet<long>();
        foreach (var target in items.Select(item => item.TargetNo).Distinct())
        {
            if (await source.Targets.EndedNow(session, target) is not null)
            {
                ended.Add(target);
            }
        }
        return ended.Count == 0 ? (items, 0) : ([.. items.Where(item => !ended.Contains(item.TargetNo))], items.Count(item => ended.Contains(item.TargetNo)));
    }

    private async Task<TimeSpan> Cancel(Replay replay)
    {
        foreach (var target in await database.Write(session => ReplayRuns.CancelStep(session, replay, clock.GetUtcNow())))
        {
            schedule.Refresh(target);
        }
        return BetweenSteps;
    }

    /// <summary>A step failed: it is tried again later, and a replay that only ever fails is given up.</summary>
    private async Task<TimeSpan> Trip(Replay replay, Exception e)
    {
        var faults = _troubles.TryGetValue(replay.No, out var trouble) ? trouble.Faults : 0;
        // A store that is away is no fault of the replay's.
        faults += e is StorageUnavailableException ? 0 : 1;
        if (faults < MostFaults)
        {
            var pause = TimeSpan.FromSeconds(Math.Min(1 << faults, MostPause.TotalSeconds));
            log.LogError(e, "A step of replay {Replay} failed; tried again in {Pause}", replay.ReplayId, pause);
            _troubles[replay.No] = new Trouble(faults, clock.GetUtcNow() + pause);
            return pause;
        }
        log.LogError(e, "A step of replay {Replay} failed {Times} times; it is given up", replay.ReplayId, faults);
        _troubles.Remove(replay.No);
        await database.Write(async session =>
        {
            await ReplayStore.Fail(session, replay, Replay.Fault, clock.GetUtcNow());
            return 0;
        });
        return LookEvery;
    }

    private async Task Pause(TimeSpan wait)
    {
        using var woken = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var timer = Task.Delay(wait, clock, woken.Token);
        await Task.WhenAny(timer, _signals.Reader.WaitToReadAsync(woken.Token).AsTask());
        _signals.Reader.TryRead(out _);
        await woken.CancelAsync();
    }

    private sealed record Trouble(int Faults, DateTimeOffset Until);

    /// <summary>Another driver moved the replay on while this one was in the same step: nothing of the step may stay.</summary>
    private sealed class ReplayMovedException : Exception;
}
