namespace Hookway.Deliveries;

/// <summary>
/// One target's part of the schedule: what is ready to go, what is in flight, and whether there is more in the store. Guarded by the schedule's lock.
/// </summary>
internal sealed class TargetQueue(long targetNo)
{
    private const int FirstWindow = 2;

    /// <summary>Who takes longer to answer is slow.</summary>
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(1);

    /// <summary>By how much the clocks of nodes may differ.</summary>
    private static readonly TimeSpan ClocksApart = TimeSpan.FromSeconds(5);

    /// <summary>Ready deliveries, first to go first.</summary>
    private readonly Queue<PendingDelivery> _ready = new();

    /// <summary>The deliveries that are ready or in flight here (message sequence → run), so that nothing read from the store is taken twice.</summary>
    private readonly Dictionary<long, int> _known = [];

    /// <summary>What left memory while a read was under way: the read may still have seen it as pending.</summary>
    private readonly HashSet<long> _leftDuringRead = [];

    /// <summary>What a read saw in a later run than the one in flight here: it is read again when that has ended.</summary>
    private readonly HashSet<long> _waitsForEarlierRun = [];

    private int _window = FirstWindow;
    private TimeSpan? _took;
    private TimeSpan _progressAt;
    private TimeSpan _rateFreeAt = TimeSpan.MinValue;
    private DateTimeOffset? _failingSince;
    private bool _circuitMayHaveChanged;
    private bool _circuitIsInDoubt;

    public long TargetNo { get; } = targetNo;
    public DeliveryTarget? Target { get; set; }
    public int Ready => _ready.Count;
    public int Known => _known.Count;
    public int InFlight { get; private set; }

    /// <summary>Its last attempts that are known of were answered, and quickly.</summary>
    public bool IsQuick { get; set; }

    public int FailuresInARow { get; private set; }

    /// <summary>Whether <see cref="FailuresInARow"/> is all of them: a queue that is new here has seen none of those before.</summary>
    public bool KnowsFailures { get; private set; }

    /// <summary>Set while the target fails for good: one delivery at a time probes it.</summary>
    public TargetCircuit? Circuit { get; private set; }

    /// <summary>Until then the circuit lets nothing through.</summary>
    public TimeSpan? ProbeWait { get; set; }

    /// <summary>Its place in the round robin; null while it has none.</summary>
    public long? PlaceInRing { get; set; }

    /// <summary>In which ring that place is.</summary>
    public TargetStanding Ring { get; set; }

    public bool Reading { get; private set; }

    /// <summary>The store may hold due deliveries that are not here.</summary>
    public bool MoreInStore { get; set; }

    /// <summary>When the next delivery in the store falls due.</summary>
    public DateTimeOffset? WakeAt { get; set; }

    /// <summary>Until then nothing is taken or read: the head of an ordered target waits for its retry, which falls due in the store.</summary>
    public DateTimeOffset? HeadWaitsUntil { get; set; }

    /// <summary>Until then nothing is taken or read: a fault is given time to pass.</summary>
    public TimeSpan? HoldUntil { get; set; }

    /// <summary>Somebody changed what is in the store while an attempt was under way, which does not know of it.</summary>
    public bool WasRefreshedInFlight { get; set; }

    /// <summary>The ready deliveries wait for the rate limit, until then.</summary>
    public TimeSpan? RateWait { get; set; }

    /// <summary>The times for which the schedule has timers for this target, one in each kind of time.</summary>
    public TimeSpan?[] TimersAt { get; } = new TimeSpan?[2];

    /// <summary>It is about to be let go: nothing is taken or read.</summary>
    public bool IsSuspended { get; set; }

    /// <summary>Until then another node, or an earlier process, may have sent to it.</summary>
    public TimeSpan? AttemptsElsewhereUntil { get; set; }

    /// <summary>Settings or deliveries changed while a read was under way: what it saw is not to be used.</summary>
    public bool ReadIsVoid { get; private set; }

    public bool IsFailing => FailuresInARow > 0;

    /// <summary>Whether it waits for a time before anything is taken or read.</summary>
    public bool IsHeld => HeadWaitsUntil is not null || HoldUntil is not null || ProbeWait is not null;

    /// <summary>
    /// Nothing is to be done for it and nothing to be remembered: how often in a row it failed the store can say (<see cref="Learn"/>). An open circuit is remembered, since what
    /// is handed over may have been routed before it opened.
    /// </summary>
    public bool IsIdle => Ready == 0 && InFlight == 0 && !MoreInStore && !Reading && WakeAt is null && HeadWaitsUntil is null && HoldUntil is null && (Circuit is null || Target is not { Ended: null });

    /// <summary>
    /// How many may be in flight: a target earns its concurrency by succeeding quickly and loses it by failing, so that one that hangs holds few places.
    /// </summary>
    /// <param name="isCrowded">Most places are taken: a target of which nothing is known begins with one.</param>
    public int Allowed(int most, bool isCrowded) =>
        IsHeld || Target is not { Paused: false, Ended: null } ? 0
        : Target.Ordered || Circuit is not null || (isCrowded && _took is null && !IsQuick) ? 1 : Math.Min(_window, most);

    /// <summary>Among which targets it gets its places: whoever fails, is slow, or has let an attempt wait until now, has few.</summary>
    public TargetStanding StandingAt(TimeSpan now) =>
        IsFailing || _took > Slow || (InFlight > 0 && now - _progressAt > Slow) ? TargetStanding.Limited
        : IsQuick ? TargetStanding.Quick
        : _ready.TryPeek(out var head) && head.RunAttempts > 0 ? TargetStanding.Limited
        : TargetStanding.New;

    /// <summary>When the rate limit next lets an attempt through; null when it does now.</summary>
    public TimeSpan? RateWaitsUntil(TimeSpan time)
    {
        if (Target?.RateLimitPerMinute is not { } limit)
        {
            return null;
        }
        var free = AttemptsElsewhereUntil + (TimeSpan.FromMinutes(1) / limit) is { } elsewhere && elsewhere > _rateFreeAt ? elsewhere : _rateFreeAt;
        return free > time ? free : null;
    }

    /// <summary>Until when it may do nothing in any case; null when it only has nothing to do.</summary>
    public DateTimeOffset? HeldUntil(DateTimeOffset now, TimeSpan time)
    {
        var held = HoldUntil is null || ProbeWait > HoldUntil ? ProbeWait : HoldUntil;
        var until = now + (held - time);
        return until is null || HeadWaitsUntil > until ? HeadWaitsUntil : until;
    }

    /// <summary>Nothing is to be done for it until somebody resumes it, however much waits in the store.</summary>
    public bool IsPaused => Target is { Paused: true };

    /// <summary>Whether nothing is to be done for it before a time, and nothing need be remembered until then.</summary>
    public bool IsQuiet(DateTimeOffset now, TimeSpan time, DateTimeOffset soon) =>
        !IsPaused && Ready == 0 && InFlight == 0 && !Reading && RateWaitsUntil(time) is null
        && (IsHeld ? HeldUntil(now, time) > soon : !MoreInStore && (WakeAt is null || WakeAt > soon));

    /// <summary>Adds a delivery unless it is here already.</summary>
    public bool TryAdd(PendingDelivery delivery)
    {
        if (!_known.TryAdd(delivery.MessageSeq, delivery.Run))
        {
            return false;
        }
        _ready.Enqueue(delivery);
        return true;
    }

    public PendingDelivery Take(TimeSpan time)
    {
        _progressAt = InFlight++ == 0 ? time : _progressAt;
        _circuitMayHaveChanged = true;
        if (Target?.RateLimitPerMinute is { } limit)
        {
            _rateFreeAt = (_rateFreeAt > time ? _rateFreeAt : time) + (TimeSpan.FromMinutes(1) / limit);
        }
        return _ready.Dequeue();
    }

    /// <summary>An attempt is over and recorded; <paramref name="succeeded"/> is null when none was made, and the delivery may still be pending.</summary>
    /// <param name="took">How long the receiver took to answer.</param>
    /// <param name="isCrowded">Most places are taken: who is slow gets no more.</param>
    public void Left(PendingDelivery delivery, bool? succeeded, TimeSpan took, TimeSpan time, int most, bool isCrowded)
    {
        InFlight--;
        _progressAt = time;
        Forget(delivery);
        MoreInStore |= _waitsForEarlierRun.Remove(delivery.MessageSeq) || succeeded is null;
        if (succeeded is { } good)
        {
            _took = _took is { } usual ? usual + ((took - usual) / 4) : took;
            IsQuick = good && _took <= Slow;
            _window = !good ? Math.Max(_window / 2, 1) : Math.Min(took <= Slow ? _window * 2 : isCrowded ? _window : _window + 1, most);
        }
        if (_circuitIsInDoubt && InFlight == 0)
        {
            MoreInStore = true;
            _circuitIsInDoubt = false;
        }
    }

    /// <summary>Counts what came before the attempts seen here, unless one has ended meanwhile.</summary>
    public void Learn(RecentFailures before)
    {
        if (!KnowsFailures)
        {
            KnowsFailures = true;
            FailuresInARow = before.InARow;
            _failingSince = before.Since;
        }
    }

    /// <summary>What the end of an attempt does to the circuit; null when nothing.</summary>
    public CircuitChange? Judge(bool isProbe, bool succeeded, DateTimeOffset now, TimeSpan time)
    {
        var before = Circuit;
        if (succeeded)
        {
            KnowsFailures = true;
            FailuresInARow = 0;
            _failingSince = null;
            Circuit = null;
            ProbeWait = null;
            return before is null ? null : new CircuitChange(CircuitStep.Closed, before);
        }
        FailuresInARow++;
        _failingSince ??= now;
        if (before is null ? FailuresInARow < TargetCircuit.FailuresThatOpen : !isProbe)
        {
            return null;
        }
        Circuit = before?.AfterFailedProbe(now) ?? TargetCircuit.Opened(_failingSince.Value, now);
        ProbeWait = time + Circuit.Pause;
        return new CircuitChange(before is null ? CircuitStep.Opened : CircuitStep.ProbeFailed, Circuit);
    }

    /// <summary>
    /// Takes over the circuit that a read found in the store. It does not count while attempts are under way, whose changes may not be recorded yet; when it differs, the store is
    /// asked again once they are.
    /// </summary>
    public void Found(TargetCircuit? stored, DateTimeOffset now, TimeSpan time)
    {
        if (!_circuitMayHaveChanged)
        {
            Circuit = stored;
        }
        else if (Circuit is null != stored is null)
        {
            _circuitIsInDoubt = InFlight > 0;
            MoreInStore |= InFlight == 0;
        }
        // A probe that is further off than its pause is long was dated by a clock that was ahead: it is not waited for, or each read would wait anew.
        ProbeWait = Circuit is { } open && open.ProbeAt > now && open.ProbeAt - now < open.Pause + ClocksApart ? time + (open.ProbeAt - now) : null;
    }

    /// <summary>Drops what is ready, and what a read under way will bring: the store has it, and it is read again when it may go.</summary>
    public IReadOnlyList<PendingDelivery> Unload()
    {
        var dropped = _ready.ToList();
        _ready.Clear();
        dropped.ForEach(Forget);
        MoreInStore = true;
        ReadIsVoid = Reading;
        return dropped;
    }

    public void BeginRead()
    {
        Reading = true;
        MoreInStore = false;
        _circuitMayHaveChanged = InFlight > 0;
    }

    /// <summary>Ends a read and answers which of its rows are new here; those that cannot be told yet are read again.</summary>
    public IReadOnlyList<PendingDelivery> EndRead(IReadOnlyList<PendingDelivery> rows)
    {
        var fresh = new List<PendingDelivery>();
        foreach (var row in ReadIsVoid ? [] : rows)
        {
            if (_known.TryGetValue(row.MessageSeq, out var run))
            {
                if (run != row.Run)
                {
                    _waitsForEarlierRun.Add(row.MessageSeq);
                }
            }
            else if (_leftDuringRead.Contains(row.MessageSeq))
            {
                MoreInStore = true;
            }
            else
            {
                fresh.Add(row);
            }
        }
        MoreInStore |= ReadIsVoid;
        Reading = ReadIsVoid = false;
        _leftDuringRead.Clear();
        return fresh;
    }

    /// <summary>When something next changes in the store; null when nothing does.</summary>
    public TimeSpan? NextDue() =>
        (WakeAt is null || HeadWaitsUntil < WakeAt ? HeadWaitsUntil : WakeAt) is { } at ? TimeSpan.FromTicks(at.UtcTicks) : null;

    /// <summary>When a wait next ends that was begun here; null when there is none.</summary>
    public TimeSpan? NextRelease()
    {
        var next = HoldUntil is null || ProbeWait < HoldUntil ? ProbeWait ?? HoldUntil : HoldUntil;
        return next is null || RateWait < next ? RateWait ?? next : next;
    }

    private void Forget(PendingDelivery delivery)
    {
        _known.Remove(delivery.MessageSeq);
        if (Reading)
        {
            _leftDuringRead.Add(delivery.MessageSeq);
        }
    }
}
