namespace Hookway.Deliveries;

/// <summary>
/// Decides what goes next: a queue and a cap for each target, a place in a round robin, targets that work before targets that fail. It holds a bounded part of
/// the pending deliveries; the store holds all of them, and a target whose memory runs low is read again. Makes no calls of its own.
/// </summary>
public sealed partial class DeliverySchedule(DeliveryOptions options, TimeProvider clock)
{
    private const int MostReads = 4;
    private const int MostReadsWaiting = 500;
    private const int FewReady = 8;
    private const int LimitedSpansInAMinute = 12;

    private readonly Lock _gate = new();
    private readonly Dictionary<long, TargetQueue> _targets = [];
    private readonly TargetRing _ring = new(options.MaxInFlight);
    // What falls due in the store is timed by the clock that dated it there. Waits of this process are timed by one that nobody sets.
    private readonly TargetTimers _dueTimers = new(static queue => queue.NextDue(), 0);
    private readonly TargetTimers _timers = new(static queue => queue.NextRelease(), 1);
    private readonly QuickTargets _quick = new();
    private readonly long _origin = clock.GetTimestamp();
    private readonly Queue<TargetQueue> _reads = new();
    private int _readsUnderWay;
    private int _ready;
    private long _contentBytes;

    /// <summary>Time that nobody sets.</summary>
    private TimeSpan Time => clock.GetElapsedTime(_origin);

    /// <summary>Told, outside any lock, when there may be something to take or an earlier time to wake at.</summary>
    public Action Signal { get; set; } = static () => { };

    /// <summary>Attempts and reads that were taken and have not ended.</summary>
    public int UnderWay
    {
        get
        {
            lock (_gate)
            {
                return _ring.InFlight + _readsUnderWay;
            }
        }
    }

    /// <summary>What it holds now.</summary>
    public ScheduleCounts Count()
    {
        lock (_gate)
        {
            return new ScheduleCounts(
                _ring.InFlight, _ready, _targets.Count, _targets.Values.Count(queue => queue.MoreInStore), _targets.Values.Count(queue => queue.Circuit is not null));
        }
    }

    /// <summary>Targets that wait for a time to come.</summary>
    internal int Timers
    {
        get
        {
            lock (_gate)
            {
                return _timers.Count + _dueTimers.Count;
            }
        }
    }

    /// <summary>Takes over a delivery that was just committed. Called on the writer, so that for one target the order is that of acceptance.</summary>
    public void HandOff(DeliveryTarget target, PendingDelivery delivery)
    {
        lock (_gate)
        {
            if (!_owns(target.No))
            {
                return;
            }
            var queue = QueueOf(target.No);
            if (!queue.Reading && !queue.MoreInStore)
            {
                queue.Target ??= target;
            }
            // While a read is under way, or others wait in the store before it, memory is not the place to join the queue. For an ordered target another node may have
            // accepted some before it of which this node has not been told yet.
            var joins = !queue.MoreInStore && !queue.Reading && !queue.IsHeld && queue.Circuit is null && queue.Target is { Paused: false, Ended: null, IsFailing: false }
                && !(queue.Target.Ordered && (queue.WakeAt is not null || _isShared)) && queue.Ready < ReadyFor(queue) && _ready < options.ReadyInAll;
            if (joins)
            {
                Enqueue(queue, delivery);
            }
            else
            {
                queue.MoreInStore = true;
            }
            Reconsider(queue);
        }
        Signal();
    }

    /// <summary>Something of this target will be due in the store at this time.</summary>
    public void WakeAt(long targetNo, DateTimeOffset at)
    {
        lock (_gate)
        {
            if (!_owns(targetNo))
            {
                return;
            }
            var queue = QueueOf(targetNo);
            SetWake(queue, at);
            Reconsider(queue);
        }
        Signal();
    }

    /// <summary>Something of this target is due in the store now, or its settings changed: reads both again.</summary>
    public void Refresh(long targetNo)
    {
        lock (_gate)
        {
            if (!_owns(targetNo))
            {
                return;
            }
            var queue = QueueOf(targetNo);
            if (queue.Ready > 0 || queue.Reading)
            {
                Unload(queue);
            }
            queue.Target = null;
            queue.WasRefreshedInFlight = queue.InFlight > 0;
            queue.HeadWaitsUntil = null;
            queue.HoldUntil = null;
            queue.ProbeWait = null;
            queue.MoreInStore = true;
            Reconsider(queue);
        }
        Signal();
    }

    /// <summary>Takes the next thing to do, if there is one and a place for it.</summary>
    public bool TryTake(out ScheduledWork work)
    {
        lock (_gate)
        {
            WakeDue();
            if (_readsUnderWay < MostReads && _reads.TryDequeue(out var reading))
            {
                _readsUnderWay++;
                work = new ScheduledWork(reading.TargetNo, null, ReadLimit(reading)) { Epoch = Epoch };
                return true;
            }
            var time = Time;
            while (_mayBegin() && _ring.Next(time) is { } queue)
            {
                if (queue.Ready == 0 || queue.InFlight >= queue.Allowed(options.MaxInFlightPerTarget, _ring.IsCrowded))
                {
                    continue;
                }
                if (queue.RateWaitsUntil(time) is { } free)
                {
                    queue.RateWait = free;
                    _timers.Set(queue);
                    continue;
                }
                var standing = queue.StandingAt(time);
                var delivery = queue.Take(time);
                Unaccount(delivery);
                work = new ScheduledWork(queue.TargetNo, delivery, 0) { Standing = standing, IsProbe = queue.Circuit is not null, Epoch = Epoch };
                _ring.Took(work);
                Reconsider(queue);
                return true;
            }
            work = default;
            return false;
        }
    }

    /// <summary>The attempt that was taken is recorded, or was not made (<paramref name="succeeded"/> null).</summary>
    /// <param name="nextAttemptAt">When the delivery is due again; null when it is over, or goes on otherwise than by this attempt.</param>
    /// <param name="holdFor">Set after a fault of our own: for so long the target is left alone.</param>
    /// <param name="isUnsettled">The store is to say what became of the delivery: somebody ended or replayed it meanwhile.</param>
    /// <param name="took">How long the receiver took to answer.</param>
    public void Finished(
        ScheduledWork work, bool? succeeded, DateTimeOffset? nextAttemptAt, TimeSpan? holdFor = null, bool isUnsettled = false, TimeSpan took = default)
    {
        lock (_gate)
        {
            if (work.Epoch != Epoch)
            {
                return;
            }
            var queue = _targets[work.TargetNo];
            _ring.Left(work);
            queue.Left(work.Delivery!, succeeded, took, Time, options.MaxInFlightPerTarget, _ring.IsCrowded);
            queue.MoreInStore |= isUnsettled;
            if (queue.Target is not { Ordered: false } && (nextAttemptAt is not null || succeeded is null))
            {
                // The head waits for its retry, or for a fault to pass, and everything behind it waits with it; unless the head is another by now, which the store knows.
                Unload(queue);
                HoldForHead(queue, queue.WasRefreshedInFlight ? null : nextAttemptAt);
            }
            if (nextAttemptAt is { } at)
            {
                SetWake(queue, at);
            }
            queue.HoldUntil = Time + holdFor ?? queue.HoldUntil;
            queue.WasRefreshedInFlight &= queue.InFlight > 0;
            Reconsider(queue);
        }
        Signal();
    }

    /// <summary>A read that was taken has ended.</summary>
    /// <param name="target">The settings as they are now; null when the target is gone.</param>
    /// <param name="circuit">Its circuit while that is open.</param>
    /// <param name="due">What is due, and when more will be.</param>
    /// <param name="more">There is more to be done than this read did.</param>
    public void ReadEnded(ScheduledWork work, DeliveryTarget? target, TargetCircuit? circuit, DueDeliveries due, bool more = false)
    {
        lock (_gate)
        {
            if (work.Epoch != Epoch)
            {
                return;
            }
            _readsUnderWay--;
            var queue = _targets[work.TargetNo];
            var rows = due.Rows;
            if (!queue.ReadIsVoid)
            {
                queue.Target = target;
                queue.Found(circuit, clock.GetUtcNow(), Time);
                if (queue.Circuit is not null && rows.Count > 0)
                {
                    // The oldest alone, and not before its time: another may be the oldest then.
                    rows = queue.IsHeld || queue.InFlight > 0 ? [] : [rows[0]];
                    queue.MoreInStore = true;
                }
                HoldForHead(queue, due.HeadWaitsUntil);
                queue.MoreInStore |= more || due.Rows.Count >= work.ReadLimit;
                if (rows.Count > ReadyFor(queue) + queue.Known)
                {
                    // Read before it was known how little of it may go.
                    rows = [.. rows.Take(ReadyFor(queue) + queue.Known)];
                    queue.MoreInStore = true;
                }
                if (due.NextDue is { } at)
                {
                    SetWake(queue, at);
                }
            }
            foreach (var row in queue.EndRead(rows))
            {
                Enqueue(queue, row);
            }
            if (_isShared && queue.IsPaused)
            {
                queue.HoldUntil = Time + LongestTrust;
            }
            Reconsider(queue);
        }
        Signal();
    }

    /// <summary>A read failed: it is tried again a little later.</summary>
    public void ReadFailed(ScheduledWork work, TimeSpan retryIn)
    {
        lock (_gate)
        {
            if (work.Epoch != Epoch)
            {
                return;
            }
            _readsUnderWay--;
            var queue = _targets[work.TargetNo];
            queue.EndRead([]);
            queue.MoreInStore = true;
            queue.HoldUntil = Time + retryIn;
            Reconsider(queue);
        }
        Signal();
    }

    /// <summary>How long until something falls due; null when nothing is waited for.</summary>
    public TimeSpan? UntilNextWake()
    {
        lock (_gate)
        {
            var due = _dueTimers.Next - TimeSpan.FromTicks(clock.GetUtcNow().UtcTicks);
            var release = _timers.Next - Time;
            var wait = due is null || release < due ? release : due;
            return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
        }
    }

    private TargetQueue QueueOf(long targetNo)
    {
        if (!_targets.TryGetValue(targetNo, out var queue))
        {
            _targets[targetNo] = queue = new TargetQueue(targetNo) { AttemptsElsewhereUntil = _attemptsElsewhereUntil, IsQuick = _quick.Contains(targetNo) };
        }
        return queue;
    }

    private void Enqueue(TargetQueue queue, PendingDelivery delivery)
    {
        var kept = _contentBytes + delivery.ContentBytes > options.ReadyContentBytes ? delivery with { Content = null, ContentBytes = 0 } : delivery;
        if (queue.TryAdd(kept))
        {
            _ready++;
            _contentBytes += kept.ContentBytes;
        }
    }

    private void Unload(TargetQueue queue)
    {
        foreach (var delivery in queue.Unload())
        {
            Unaccount(delivery);
        }
    }

    private void Unaccount(PendingDelivery delivery)
    {
        _ready--;
        _contentBytes -= delivery.ContentBytes;
    }

    private static void SetWake(TargetQueue queue, DateTimeOffset at) => queue.WakeAt = queue.WakeAt is null || at < queue.WakeAt ? at : queue.WakeAt;

    private void WakeDue()
    {
        var now = clock.GetUtcNow();
        while (_dueTimers.TakeDue(TimeSpan.FromTicks(now.UtcTicks)) is { } queue)
        {
            if (queue.WakeAt <= now)
            {
                queue.WakeAt = null;
                queue.MoreInStore = true;
            }
            queue.HeadWaitsUntil = queue.HeadWaitsUntil <= now ? null : queue.HeadWaitsUntil;
            Reconsider(queue);
        }
        var time = Time;
        while (_timers.TakeDue(time) is { } queue)
        {
            if (queue.HoldUntil <= time && queue.IsPaused)
            {
                // Of what it depends on, something may have been missed: it costs a look into memory.
                queue.Target = null;
                queue.MoreInStore = true;
            }
            queue.HoldUntil = queue.HoldUntil <= time ? null : queue.HoldUntil;
            queue.ProbeWait = queue.ProbeWait <= time ? null : queue.ProbeWait;
            queue.RateWait = queue.RateWait <= time ? null : queue.RateWait;
            Reconsider(queue);
        }
    }

    /// <summary>Puts a target where it now belongs: among the reads, in the ring, or out of memory.</summary>
    private void Reconsider(TargetQueue queue)
    {
        if (queue.IsSuspended)
        {
            return;
        }
        var runsLow = queue.Circuit is null ? queue.Ready < Math.Max(1, ReadyFor(queue) / 8) : queue.Ready == 0 && queue.InFlight == 0;
        if (queue.MoreInStore && !queue.Reading && runsLow && !queue.IsHeld && queue.Target is not { Paused: true })
        {
            queue.BeginRead();
            _reads.Enqueue(queue);
        }
        if (queue.Ready > 0 && queue.InFlight < queue.Allowed(options.MaxInFlightPerTarget, _ring.IsCrowded))
        {
            _ring.Add(queue, Time);
        }
        if (queue.IsIdle)
        {
            // Its next delivery must still wait for this one's share of the minute.
            queue.RateWait = queue.RateWaitsUntil(Time);
            queue.ProbeWait = null;
        }
        _timers.Set(queue);
        _dueTimers.Set(queue);
        // Where nodes share a store each looks for what it was not told of: of a paused target, whose deliveries are due all the time, it must know that.
        if (queue is { IsIdle: true, RateWait: null } && !(_isShared && queue.IsPaused))
        {
            _targets.Remove(queue.TargetNo);
            _quick.Note(queue.TargetNo, queue.IsQuick);
        }
    }

    private int ReadLimit(TargetQueue queue) => queue.Circuit is not null ? 1 :
        Math.Min(ReadyFor(queue), Math.Clamp(options.ReadyInAll - _ready, options.ReadyPerTarget / 8, options.ReadyPerTarget)) + queue.Known;

    /// <summary>Most that is kept ready for a target: of one with a rate limit what may go within a few seconds, since the rest would only take the place of others.</summary>
    private int ReadyFor(TargetQueue queue) =>
        queue.Target?.RateLimitPerMinute is { } limit ? Math.Min(options.ReadyPerTarget, Math.Max(FewReady, limit / LimitedSpansInAMinute)) : options.ReadyPerTarget;
}
