namespace Hookway.Deliveries;

/// <summary>
/// One target's part of the schedule: what is ready to go, what is in flight, and whether there is more in the store. Guarded by the schedule's lock.
/// </summary>
internal sealed class TargetQueue(long targetNo)
{
    private const int FirstWindow = 2;

    /// <summary>Ready deliveries, first to go first.</summary>
    private readonly Queue<PendingDelivery> _ready = new();

    /// <summary>The message sequences that are ready or in flight here, so that nothing read from the store is taken twice.</summary>
    private readonly HashSet<long> _known = [];

    /// <summary>What left memory while a read was under way: the read may still have seen it as pending.</summary>
    private readonly HashSet<long> _leftDuringRead = [];

    /// <summary>What was ready was dropped while a read was under way: so is what the read saw.</summary>
    private bool _readIsVoid;

    private int _window = FirstWindow;
    private DateTimeOffset _rateFreeAt = DateTimeOffset.MinValue;

    public long TargetNo { get; } = targetNo;
    public DeliveryTarget? Target { get; set; }
    public int Ready => _ready.Count;
    public int Known => _known.Count;
    public int InFlight { get; private set; }
    public int FailuresInARow { get; private set; }
    public bool InRing { get; set; }
    public bool Reading { get; private set; }

    /// <summary>The store may hold due deliveries that are not here.</summary>
    public bool MoreInStore { get; set; }

    /// <summary>When the next delivery in the store falls due.</summary>
    public DateTimeOffset? WakeAt { get; set; }

    /// <summary>The time for which a timer is set because the rate limit has nothing to give before it.</summary>
    public DateTimeOffset? RateTimer { get; set; }

    public bool IsFailing => FailuresInARow > 0;

    public bool IsIdle => Ready == 0 && InFlight == 0 && !MoreInStore && !Reading && WakeAt is null;

    /// <summary>
    /// How many may be in flight: a target earns its concurrency by succeeding and loses it by failing, so that one that hangs holds few places.
    /// </summary>
    public int Allowed(int most) => Target is not { Paused: false, Ended: null } ? 0 : Target.Ordered ? 1 : Math.Min(_window, most);

    /// <summary>When the rate limit next lets an attempt through; null when it does now.</summary>
    public DateTimeOffset? RateWaitsUntil(DateTimeOffset now) => Target?.RateLimitPerMinute is not null && _rateFreeAt > now ? _rateFreeAt : null;

    /// <summary>Adds a delivery unless it is here already.</summary>
    public bool TryAdd(PendingDelivery delivery)
    {
        if (!_known.Add(delivery.MessageSeq))
        {
            return false;
        }
        _ready.Enqueue(delivery);
        return true;
    }

    public PendingDelivery Take(DateTimeOffset now)
    {
        InFlight++;
        if (Target?.RateLimitPerMinute is { } limit)
        {
            _rateFreeAt = (_rateFreeAt > now ? _rateFreeAt : now) + (TimeSpan.FromMinutes(1) / limit);
        }
        return _ready.Dequeue();
    }

    /// <summary>An attempt is over and recorded; <paramref name="succeeded"/> is null when none was made.</summary>
    public void Left(PendingDelivery delivery, bool? succeeded, int most)
    {
        InFlight--;
        Forget(delivery);
        if (succeeded is { } good)
        {
            FailuresInARow = good ? 0 : FailuresInARow + 1;
            _window = good ? Math.Min(_window * 2, most) : Math.Max(_window / 2, 1);
        }
    }

    /// <summary>Drops what is ready: the store has it, and it is read again when it may go.</summary>
    public IReadOnlyList<PendingDelivery> Unload()
    {
        var dropped = _ready.ToList();
        _ready.Clear();
        dropped.ForEach(Forget);
        MoreInStore = true;
        _readIsVoid = Reading;
        return dropped;
    }

    public void BeginRead()
    {
        Reading = true;
        MoreInStore = false;
    }

    /// <summary>Ends a read and answers which of its rows are new here.</summary>
    public IEnumerable<PendingDelivery> EndRead(IReadOnlyList<PendingDelivery> rows)
    {
        Reading = false;
        var fresh = _readIsVoid ? [] : rows.Where(row => !_leftDuringRead.Contains(row.MessageSeq) && !_known.Contains(row.MessageSeq)).ToList();
        _readIsVoid = false;
        _leftDuringRead.Clear();
        return fresh;
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
