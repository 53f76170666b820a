namespace Hookway.Deliveries;

/// <summary>
/// The round robin of targets that have something ready and a free place of their own. Targets that fail have a ring of their own, with fewer turns and at most half of all
/// places: first attempts come before retries of failing targets. Guarded by the schedule's lock.
/// </summary>
internal sealed class TargetRing(int places)
{
    private const int SteadyTurnsPerFailingTurn = 4;

    private readonly Queue<TargetQueue> _steady = new();
    private readonly Queue<TargetQueue> _failing = new();
    private int _failingInFlight;
    private int _turn;

    public int InFlight { get; private set; }

    public void Add(TargetQueue queue)
    {
        queue.InRing = true;
        (queue.IsFailing ? _failing : _steady).Enqueue(queue);
    }

    public void Clear()
    {
        _steady.Clear();
        _failing.Clear();
        InFlight = _failingInFlight = 0;
    }

    /// <summary>Takes the target whose turn it is out of the ring; null when there is none, or no place.</summary>
    public TargetQueue? Next()
    {
        if (InFlight >= places || NextTurn() is not { } queue)
        {
            return null;
        }
        queue.InRing = false;
        return queue;
    }

    public void Took(ScheduledWork work)
    {
        InFlight++;
        _failingInFlight += work.CountsAsFailing ? 1 : 0;
    }

    public void Left(ScheduledWork work)
    {
        InFlight--;
        _failingInFlight -= work.CountsAsFailing ? 1 : 0;
    }

    private TargetQueue? NextTurn()
    {
        var failingMayGo = _failing.Count > 0 && _failingInFlight < Math.Max(1, places / 2);
        if (_steady.Count > 0 && !(failingMayGo && _turn >= SteadyTurnsPerFailingTurn))
        {
            _turn++;
            return _steady.Dequeue();
        }
        _turn = 0;
        return failingMayGo ? _failing.Dequeue() : null;
    }
}
