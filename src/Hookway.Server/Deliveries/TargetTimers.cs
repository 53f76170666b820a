namespace Hookway.Deliveries;

/// <summary>One timer for each target that waits, at the time when something next changes for it by itself. Guarded by the schedule's lock.</summary>
internal sealed class TargetTimers
{
    private readonly SortedSet<(DateTimeOffset At, TargetQueue Queue)> _timers =
        new(Comparer<(DateTimeOffset At, TargetQueue Queue)>.Create((one, other) =>
            one.At.CompareTo(other.At) is not 0 and var order ? order : one.Queue.TargetNo.CompareTo(other.Queue.TargetNo)));

    public int Count => _timers.Count;

    /// <summary>The earliest time; null when none waits.</summary>
    public DateTimeOffset? Next => _timers.Count == 0 ? null : _timers.Min.At;

    public void Set(TargetQueue queue)
    {
        var next = queue.NextChange();
        if (next == queue.TimerAt)
        {
            return;
        }
        if (queue.TimerAt is { } old)
        {
            _timers.Remove((old, queue));
        }
        if (next is { } at)
        {
            _timers.Add((at, queue));
        }
        queue.TimerAt = next;
    }

    public void Remove(TargetQueue queue)
    {
        if (queue.TimerAt is { } at)
        {
            _timers.Remove((at, queue));
        }
    }

    public void Clear() => _timers.Clear();

    /// <summary>Takes a target whose time has come.</summary>
    public TargetQueue? TakeDue(DateTimeOffset now)
    {
        if (_timers.Count == 0 || _timers.Min is var timer && timer.At > now)
        {
            return null;
        }
        _timers.Remove(timer);
        timer.Queue.TimerAt = null;
        return timer.Queue;
    }
}
