namespace Hookway.Deliveries;

/// <summary>
/// Decides what goes next: a queue and a cap for each target, a place in a round robin, targets that work before targets that fail. It holds a bounded part of
/// the pending deliveries; the store holds all of them, and a target whose memory runs low is read again. Makes no calls of its own.
/// </summary>
public sealed class DeliverySchedule(DeliveryOptions options, TimeProvider clock)
{
    private const int MostReads = 4;
    private const int SteadyTurnsPerFailingTurn = 4;

    private readonly Lock _gate = new();
    private readonly Dictionary<long, TargetQueue> _targets = [];
    private readonly Queue<TargetQueue> _steady = new();
    private readonly Queue<TargetQueue> _failing = new();
    private readonly Queue<TargetQueue> _reads = new();
    private readonly SortedSet<(DateTimeOffset At, long TargetNo)> _timers = [];
    private int _inFlight;
    private int _failingInFlight;
    private int _readsUnderWay;
    private int _ready;
    private long _contentBytes;
    private int _turn;

    /// <summary>Told, outside any lock, when there may be something to take or an earlier time to wake at.</summary>
    public Action Signal { get; set; } = static () => { };

    /// <summary>Attempts and reads that were taken and have not ended.</summary>
    public int UnderWay
    {
        get
        {
            lock (_gate)
            {
                return _inFlight + _readsUnderWay;
            }
        }
    }

    /// <summary>Targets that wait for a time to come.</summary>
    internal int Timers
    {
        get
        {
            lock (_gate)
            {
                return _timers.Count;
            }
        }
    }

    /// <summary>Takes over a delivery that was just committed. Called on the writer, so that for one target the order is that of acceptance.</summary>
    public void HandOff(DeliveryTarget target, PendingDelivery delivery)
    {
        lock (_gate)
        {
            var queue = QueueOf(target.No);
            if (!queue.Reading && !queue.MoreInStore)
            {
                queue.Target ??= target;
            }
            // While a read is under way, or others wait in the store before it, memory is not the place to join the queue.
            var joins = !queue.MoreInStore && !queue.Reading && queue.HoldUntil is null && queue.Target is { Paused: false, Ended: null }
                && !(queue.Target.Ordered && queue.WakeAt is not null) && queue.Ready < options.ReadyPerTarget && _ready < options.ReadyInAll;
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
            var queue = QueueOf(targetNo);
            if (queue.Ready > 0 || queue.Reading)
            {
                Unload(queue);
            }
            queue.Target = null;
            queue.HoldUntil = null;
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
                work = new ScheduledWork(reading.TargetNo, null, ReadLimit(reading));
                return true;
            }
            while (_inFlight < options.MaxInFlight && NextInRing() is { } queue)
            {
                queue.InRing = false;
                if (queue.Ready == 0 || queue.InFlight >= queue.Allowed(options.MaxInFlightPerTarget))
                {
                    continue;
                }
                var now = clock.GetUtcNow();
                if (queue.RateWaitsUntil(now) is { } free)
                {
                    queue.RateWait = free;
                    Retime(queue);
                    continue;
                }
                _inFlight++;
                _failingInFlight += queue.IsFailing ? 1 : 0;
                var delivery = queue.Take(now);
                Unaccount(delivery);
                Reconsider(queue);
                work = new ScheduledWork(queue.TargetNo, delivery, 0) { CountsAsFailing = queue.IsFailing };
                return true;
            }
            work = default;
            return false;
        }
    }

    /// <summary>The attempt that was taken is recorded, or was not made (<paramref name="succeeded"/> null).</summary>
    /// <param name="nextAttemptAt">When the delivery is due again; null when it is over.</param>
    /// <param name="holdUntil">Set after a fault of our own: until then the target is left alone.</param>
    public void Finished(ScheduledWork work, bool? succeeded, DateTimeOffset? nextAttemptAt, DateTimeOffset? holdUntil = null)
    {
        lock (_gate)
        {
            var queue = _targets[work.TargetNo];
            _inFlight--;
            _failingInFlight -= work.CountsAsFailing ? 1 : 0;
            queue.Left(work.Delivery!, succeeded, options.MaxInFlightPerTarget);
            if (queue.Target is { Ordered: true } && (nextAttemptAt is not null || succeeded is null))
            {
                // The head waits for its retry, or for a fault to pass, and everything behind it waits with it.
                Unload(queue);
                queue.HoldUntil = nextAttemptAt;
            }
            if (nextAttemptAt is { } at)
            {
                SetWake(queue, at);
            }
            queue.HoldUntil = holdUntil ?? queue.HoldUntil;
            Reconsider(queue);
        }
        Signal();
    }

    /// <summary>How often in a row attempts to this target have failed, as far as this node remembers.</summary>
    public int FailuresInARow(long targetNo)
    {
        lock (_gate)
        {
            return _targets.TryGetValue(targetNo, out var queue) ? queue.FailuresInARow : 0;
        }
    }

    /// <summary>A read that was taken has ended.</summary>
    /// <param name="target">The settings as they are now; null when the target is gone.</param>
    /// <param name="due">What is due, and when more will be.</param>
    /// <param name="more">There is more to be done than this read did.</param>
    public void ReadEnded(ScheduledWork work, DeliveryTarget? target, DueDeliveries due, bool more = false)
    {
        lock (_gate)
        {
            _readsUnderWay--;
            var queue = _targets[work.TargetNo];
            if (!queue.ReadIsVoid)
            {
                queue.Target = target;
                queue.HoldUntil = due.HeadWaitsUntil;
                queue.MoreInStore |= more || due.Rows.Count >= work.ReadLimit;
                if (due.NextDue is { } at)
                {
                    SetWake(queue, at);
                }
            }
            foreach (var row in queue.EndRead(due.Rows))
            {
                Enqueue(queue, row);
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
            _readsUnderWay--;
            var queue = _targets[work.TargetNo];
            queue.EndRead([]);
            queue.MoreInStore = true;
            queue.HoldUntil = clock.GetUtcNow() + retryIn;
            Reconsider(queue);
        }
        Signal();
    }

    /// <summary>How long until something falls due; null when nothing is waited for.</summary>
    public TimeSpan? UntilNextWake()
    {
        lock (_gate)
        {
            if (_timers.Count == 0)
            {
                return null;
            }
            var wait = _timers.Min.At - clock.GetUtcNow();
            return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
        }
    }

    private TargetQueue QueueOf(long targetNo)
    {
        if (!_targets.TryGetValue(targetNo, out var queue))
        {
            _targets[targetNo] = queue = new TargetQueue(targetNo);
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

    /// <summary>Keeps one timer for a target, at the time when something next changes for it by itself.</summary>
    private void Retime(TargetQueue queue)
    {
        var next = queue.NextChange();
        if (next == queue.TimerAt)
        {
            return;
        }
        if (queue.TimerAt is { } old)
        {
            _timers.Remove((old, queue.TargetNo));
        }
        if (next is { } at)
        {
            _timers.Add((at, queue.TargetNo));
        }
        queue.TimerAt = next;
    }

    private void WakeDue()
    {
        var now = clock.GetUtcNow();
        while (_timers.Count > 0 && _timers.Min.At <= now)
        {
            var timer = _timers.Min;
            _timers.Remove(timer);
            var queue = _targets[timer.TargetNo];
            queue.TimerAt = null;
            if (queue.WakeAt <= now)
            {
                queue.WakeAt = null;
                queue.MoreInStore = true;
            }
            queue.HoldUntil = queue.HoldUntil <= now ? null : queue.HoldUntil;
            queue.RateWait = queue.RateWait <= now ? null : queue.RateWait;
            Reconsider(queue);
        }
    }

    /// <summary>Puts a target where it now belongs: among the reads, in the ring, or out of memory.</summary>
    private void Reconsider(TargetQueue queue)
    {
        var runsLow = queue.Ready < options.ReadyPerTarget / 8;
        if (queue.MoreInStore && !queue.Reading && runsLow && queue.HoldUntil is null && queue.Target is not { Paused: true })
        {
            queue.BeginRead();
            _reads.Enqueue(queue);
        }
        if (!queue.InRing && queue.Ready > 0 && queue.InFlight < queue.Allowed(options.MaxInFlightPerTarget))
        {
            queue.InRing = true;
            (queue.IsFailing ? _failing : _steady).Enqueue(queue);
        }
        if (queue.IsIdle)
        {
            // Its next delivery must still wait for this one's share of the minute.
            queue.RateWait = queue.RateWaitsUntil(clock.GetUtcNow());
        }
        Retime(queue);
        if (queue is { IsIdle: true, RateWait: null })
        {
            _targets.Remove(queue.TargetNo);
        }
    }

    private TargetQueue? NextInRing()
    {
        var failingMayGo = _failing.Count > 0 && _failingInFlight < Math.Max(1, options.MaxInFlight / 2);
        if (_steady.Count > 0 && !(failingMayGo && _turn >= SteadyTurnsPerFailingTurn))
        {
            _turn++;
            return _steady.Dequeue();
        }
        _turn = 0;
        return failingMayGo ? _failing.Dequeue() : null;
    }

    private int ReadLimit(TargetQueue queue) =>
        Math.Clamp(options.ReadyInAll - _ready, options.ReadyPerTarget / 8, options.ReadyPerTarget) + queue.Known;
}

/// <summary>One thing to do: an attempt of a delivery, or (without one) a read of a target's due deliveries.</summary>
public readonly record struct ScheduledWork(long TargetNo, PendingDelivery? Delivery, int ReadLimit)
{
    /// <summary>Whether the attempt took one of the places that failing targets share.</summary>
    public bool CountsAsFailing { get; init; }
}
