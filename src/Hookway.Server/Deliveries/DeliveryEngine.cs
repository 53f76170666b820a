using System.Threading.Channels;
using Hookway.Deliveries.Ownership;
using Hookway.Storage;

namespace Hookway.Deliveries;

/// <summary>Told of a fault that the engine cannot go on from: the process should end, and what is pending is delivered after its next start.</summary>
public delegate void EngineFault(Exception fault);

/// <summary>Starts a step of the engine beside what runs: the thread pool's queue, but for a test that decides what goes first.</summary>
public delegate void StartStep(Action<ScheduledWork> step, ScheduledWork work);

/// <summary>
/// Delivers. Accepted deliveries are handed over in memory after their commit; those that were pending before the start, fall due for a retry or found no room are read
/// from the store. Each attempt is one request by <see cref="DeliverySender"/>, judged by <see cref="AttemptVerdict"/>, recorded by <see cref="AttemptRecorder"/>.
/// </summary>
public sealed class DeliveryEngine(
    DeliveryStore store, CircuitStore circuits, IEnumerable<IDeliverySource> sources, ITargetOwnership ownership, DeliverySchedule schedule, SendRequest send, AttemptRecorder recorder,
    RetrySchedule retries, Configuration configuration, Database database, IdGenerator ids, DeliveryOptions options, TimeProvider clock,
    StartStep start, EngineFault fault, ILogger<DeliveryEngine> log) : IHostedLifecycleService, IDisposable
{
    private static readonly TimeSpan PauseAfterFault = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PauseWhileAway = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PauseWithoutRoom = TimeSpan.FromSeconds(1);

    /// <summary>A clock may be set, or a machine suspended: timers are looked at anew at least this often.</summary>
    private static readonly TimeSpan LongestSleep = TimeSpan.FromMinutes(1);

    private readonly IDeliverySource[] _sources = [.. sources];
    private readonly ContentRoom _contents = new(options.InFlightContentBytes);
    private readonly Channel<bool> _signals = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _stopTaking = new();
    private readonly CancellationTokenSource _stopSending = new();
    private ITimer? _timer;
    private Task _pump = Task.CompletedTask;
    private Task? _drain;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        schedule.Signal = () => _signals.Writer.TryWrite(true);
        _timer = clock.CreateTimer(_ => schedule.Signal(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        configuration.Changed += OnChanged;
        await ownership.Start();
        _pump = Pump();
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Begins to drain with the shutdown, not behind the web server's: a slow upload must not use up the time of attempts in flight.</summary>
    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        _drain = Drain();
        return Task.CompletedTask;
    }

    /// <summary>Waits for the drain, and gives up on what is left when the host's patience ends: it stays pending and is repeated after the next start.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAny(_drain ??= Drain(), Task.Delay(Timeout.InfiniteTimeSpan, clock, cancellationToken));
        if (schedule.UnderWay is > 0 and var left)
        {
            log.LogWarning("{Attempts} attempts did not end in time; they are repeated after the next start", left);
        }
        _stopSending.Cancel();
        await ownership.Stop();
    }

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Takes no more work, and lets what is in flight end and be recorded.</summary>
    private async Task Drain()
    {
        configuration.Changed -= OnChanged;
        _stopTaking.Cancel();
        await _pump;
        var began = clock.GetTimestamp();
        while (schedule.UnderWay > 0 && clock.GetElapsedTime(began) < options.DrainTimeout && !_stopSending.IsCancellationRequested)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), clock, CancellationToken.None);
        }
    }

    public void Dispose()
    {
        _timer?.Dispose();
        _stopTaking.Dispose();
        _stopSending.Dispose();
    }

    private void OnChanged(string subject)
    {
        if (DeliveryTarget.TryParseSubject(subject, out var targetNo))
        {
            schedule.Refresh(targetNo);
        }
    }

    private async Task Pump()
    {
        Action<ScheduledWork> step = work => _ = work.Delivery is null ? ReadTarget(work) : Attempt(work);
        try
        {
            while (true)
            {
                while (schedule.TryTake(out var work))
                {
                    start(step, work);
                }
                _timer!.Change(schedule.UntilNextWake() is { } wait && wait < LongestSleep ? wait : LongestSleep, Timeout.InfiniteTimeSpan);
                await _signals.Reader.ReadAsync(_stopTaking.Token);
            }
        }
        catch (OperationCanceledException) when (_stopTaking.IsCancellationRequested)
        {
            // The normal end.
        }
        catch (Exception e)
        {
            fault(e);
        }
    }

    private async Task ReadTarget(ScheduledWork work)
    {
        try
        {
            var (source, target) = await FindTarget(work.TargetNo);
            if (source is not null && target is { Ended: not null })
            {
                // One step at a time: a long queue that is over must not keep others from being read.
                schedule.ReadEnded(work, target, null, DueDeliveries.None, more: !await store.EndStep(work.TargetNo, session => source.EndedNow(session, work.TargetNo)));
                return;
            }
            if (target is not { Paused: false })
            {
                schedule.ReadEnded(work, target, null, DueDeliveries.None);
                return;
            }
            var circuit = target.IsFailing ? await circuits.Find(work.TargetNo) : null;
            schedule.ReadEnded(work, target, circuit, await store.ReadDue(target, work.ReadLimit, clock.GetUtcNow()));
        }
        catch (StorageUnavailableException e)
        {
            log.LogWarning("Pending deliveries of target {Target} could not be read; tried again in {Pause}: {Reason}", work.TargetNo, PauseWhileAway, e.Message);
            schedule.ReadFailed(work, PauseWhileAway);
        }
        catch (Exception e)
        {
            log.LogError(e, "Pending deliveries of target {Target} could not be read; tried again in {Pause}", work.TargetNo, PauseAfterFault);
            schedule.ReadFailed(work, PauseAfterFault);
        }
    }

    private async Task Attempt(ScheduledWork work)
    {
        var delivery = work.Delivery!;
        var end = default(AttemptEnd);
        var hasEnded = false;
        try
        {
            var (source, target) = await FindTarget(delivery.TargetNo);
            hasEnded = target is { Ended: not null };
            if (source is not null && target is { Ended: null, Paused: false })
            {
                end = await Attempt(source, target, work, delivery);
            }
        }
        catch (OperationCanceledException) when (_stopSending.IsCancellationRequested)
        {
            // Given up by the shutdown: not recorded, so it is repeated.
        }
        catch (StorageUnavailableException e)
        {
            log.LogWarning("A delivery of message {Message} to target {Target} waits for the store: {Reason}", delivery.MessageSeq, delivery.TargetNo, e.Message);
            end = new AttemptEnd { HoldFor = PauseWhileAway };
        }
        catch (Exception e)
        {
            log.LogError(e, "A delivery of message {Message} to target {Target} met a fault; tried again in {Pause}", delivery.MessageSeq, delivery.TargetNo, PauseAfterFault);
            end = new AttemptEnd { HoldFor = PauseAfterFault };
        }
        schedule.Finished(work, end.Succeeded, end.DueAgain, end.HoldFor, end.IsUnsettled, end.Took);
        if (hasEnded)
        {
            schedule.Refresh(delivery.TargetNo);
        }
    }

    private async Task<AttemptEnd> Attempt(IDeliverySource source, DeliveryTarget target, ScheduledWork work, PendingDelivery delivery)
    {
        using var room = await _contents.Enter(
            delivery.Content is null ? null : delivery.ContentBytes, isLimited: work.Standing is TargetStanding.Limited, _stopSending.Token);
        var startedAt = clock.GetUtcNow();
        if (await source.Prepare(delivery, startedAt) is not { } prepared)
        {
            await database.Write(async session =>
            {
                await DeliveryStore.End(session, delivery, DeliveryChange.ContentErased, startedAt);
                return 0;
            });
            return default;
        }
        if (prepared.Instead is null)
        {
            room?.Holds(prepared.Request.Body.Length);
        }
        if (!schedule.MayGoOn(work))
        {
            // It stood still after it took this, and another may be at it by now.
            throw new StorageUnavailableException("This node's lease is over.");
        }
        var result = prepared.Instead is { } instead ? await instead(_stopSending.Token) : await send(prepared.Request, _stopSending.Token);
        if (result.WasNotMade)
        {
            log.LogDebug("A delivery of message {Message} to target {Target} waits for {Pause}: {Reason}", delivery.MessageSeq, delivery.TargetNo, PauseWithoutRoom, result.Detail);
            return new AttemptEnd { HoldFor = PauseWithoutRoom };
        }
        var verdict = AttemptVerdict.Of(result, delivery.RunAttempts + 1, target, retries, clock.GetUtcNow());
        var attempt = new Attempt(
            0, ids.New(IdPrefix.Attempt), delivery.MessageSeq, delivery.TargetNo, delivery.AttemptCount + 1, delivery.Trigger, result.Outcome, result.Detail,
            prepared.ShownUrl ?? prepared.Request.Url.AbsoluteUri, prepared.ShownHeaders, result.ResponseStatus, result.ResponseHeaders, result.ResponseBody,
            startedAt, result.Duration, verdict.NextAttemptAt);
        var succeeded = result.Outcome is AttemptOutcome.Succeeded;
        var standing = await recorder.Record(new AttemptRecord(source, attempt, delivery.Run, verdict, await Judge(work, succeeded), work.Epoch), _stopSending.Token);
        var level = succeeded ? LogLevel.Debug : LogLevel.Information;
        if (log.IsEnabled(level))
        {
            log.Log(
                level, "Attempt {Attempt} number {Number} of message {Message} to target {Target}: {Outcome} {Status} in {Milliseconds} ms, then {Change}",
                attempt.AttemptId, attempt.Number, delivery.MessageSeq, delivery.TargetNo, result.Outcome, result.ResponseStatus,
                (long)result.Duration.TotalMilliseconds, verdict.Change);
        }
        if (verdict.NextAttemptAt is null)
        {
            return new AttemptEnd { Succeeded = succeeded, Took = result.Duration };
        }
        var goesOn = standing is { Status: DeliveryStatus.Pending } && standing.Value.Run == delivery.Run;
        return new AttemptEnd { Succeeded = succeeded, DueAgain = goesOn ? verdict.NextAttemptAt : null, IsUnsettled = !goesOn, Took = result.Duration };
    }

    private async ValueTask<CircuitChange?> Judge(ScheduledWork work, bool succeeded)
    {
        if (!succeeded && !schedule.KnowsFailures(work))
        {
            schedule.Learn(work, await FailuresOf(work.TargetNo));
        }
        return schedule.Judge(work, succeeded, clock.GetUtcNow());
    }

    private async Task<RecentFailures> FailuresOf(long targetNo)
    {
        try
        {
            return await circuits.Failures(targetNo);
        }
        catch (StorageUnavailableException)
        {
            // The receiver has seen the request: that must be recorded, whoever can be asked now. Failures are counted from this one on.
            return new RecentFailures(0, null);
        }
    }

    private async ValueTask<(IDeliverySource? Source, DeliveryTarget? Target)> FindTarget(long targetNo)
    {
        foreach (var source in _sources)
        {
            if (await source.FindTarget(targetNo) is { } target)
            {
                return (source, target);
            }
        }
        return (null, null);
    }

    /// <summary>What became of an attempt, for the schedule.</summary>
    private readonly record struct AttemptEnd
    {
        /// <summary>Null when none was made.</summary>
        public bool? Succeeded { get; init; }

        public DateTimeOffset? DueAgain { get; init; }

        /// <summary>The delivery was ended, or opened anew, while this was under way: the store knows how it goes on.</summary>
        public bool IsUnsettled { get; init; }

        /// <summary>How long the receiver took.</summary>
        public TimeSpan Took { get; init; }

        /// <summary>For how long the target is left alone, after a fault of our own.</summary>
        public TimeSpan? HoldFor { get; init; }
    }
}
