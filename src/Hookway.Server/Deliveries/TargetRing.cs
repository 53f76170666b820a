namespace Hookway.Deliveries;

/// <summary>
/// The round robin of targets that have something ready and a free place of their own, in three rings. Those that fail or are slow have fewer turns and at most half of all
/// places: first attempts come before retries of failing targets. Together with those of which nothing is known they have at most three quarters, so that one that answers
/// quickly always finds a place. Guarded by the schedule's lock.
/// </summary>
internal sealed class TargetRing(int places)
{
    private const int TurnsPerLimitedTurn = 4;

    private readonly Queue<(TargetQueue Queue, long Place)>[] _rings = [new(), new(), new()];
    private readonly int[] _inFlight = new int[3];
    private long _lastPlace;
    private int _turn;

    public int InFlight { get; private set; }

    /// <summary>More than half of the places are taken.</summary>
    public bool IsCrowded => InFlight > places / 2;

    /// <summary>Puts a target at the end of the ring where it belongs, unless it stands there already.</summary>
    public void Add(TargetQueue queue, TimeSpan now)
    {
        var standing = queue.StandingAt(now);
        if (queue.PlaceInRing is null || queue.Ring != standing)
        {
            // Its place in another ring is void with that.
            queue.PlaceInRing = ++_lastPlace;
            queue.Ring = standing;
            RingOf(standing).Enqueue((queue, _lastPlace));
        }
    }

    public void Clear()
    {
        foreach (var ring in _rings)
        {
            ring.Clear();
        }
        Array.Clear(_inFlight);
        InFlight = 0;
    }

    /// <summary>Takes the target whose turn it is out of the ring; null when there is none, or no place.</summary>
    public TargetQueue? Next(TimeSpan now)
    {
        while (InFlight < places && NextTurn() is { } ring)
        {
            var (queue, place) = ring.Dequeue();
            if (queue.PlaceInRing != place)
            {
                continue;
            }
            if (queue.StandingAt(now) == queue.Ring)
            {
                queue.PlaceInRing = null;
                return queue;
            }
            // It has become slow while it stood here.
            Add(queue, now);
        }
        return null;
    }

    public void Took(ScheduledWork work)
    {
        InFlight++;
        _inFlight[(int)work.Standing]++;
    }

    public void Left(ScheduledWork work)
    {
        InFlight--;
        _inFlight[(int)work.Standing]--;
    }

    private Queue<(TargetQueue Queue, long Place)> RingOf(TargetStanding standing) => _rings[(int)standing];

    private Queue<(TargetQueue Queue, long Place)>? NextTurn()
    {
        var (quick, fresh, limited) = (RingOf(TargetStanding.Quick), RingOf(TargetStanding.New), RingOf(TargetStanding.Limited));
        var limitedInFlight = _inFlight[(int)TargetStanding.Limited];
        var limitedMayGo = limited.Count > 0 && limitedInFlight < Math.Max(1, places / 2);
        var newMayGo = fresh.Count > 0 && limitedInFlight + _inFlight[(int)TargetStanding.New] < places - (places / 4);
        if ((quick.Count > 0 || newMayGo) && !(limitedMayGo && _turn >= TurnsPerLimitedTurn))
        {
            _turn++;
            return newMayGo && (quick.Count == 0 || fresh.Peek().Place < quick.Peek().Place) ? fresh : quick;
        }
        _turn = 0;
        return limitedMayGo ? limited : null;
    }
}
