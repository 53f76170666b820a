namespace Hookway.Deliveries;

/// <summary>One timer for each target that waits, at the time when something next changes for it by itself, in one kind of time. Guarded by the schedule's lock.</summary>
/// <param name="nextChange">That time; null when nothing changes.</param>
/// <param name="kind">Tells the timers of one kind of time from those of the other.</param>
internal sealed class TargetTimers(Func<TargetQueue, TimeSpan?> nextChange, int kind)
{
    private readonly SortedSet<(TimeSpan At, TargetQueue Queue)> _timers =
        new(Comparer<(TimeSpan At, TargetQueue Queue)>.Create((one, other) =>
            one.At.CompareTo(other.At) is not 0 and var order ? order : one.Queue.TargetNo.CompareTo(other.Queue.TargetNo)));

    public int Count => _timers.Count;

    /// <summary>The earliest time; null when none waits.</summary>
    public TimeSpan? Next => _timers.Count == 0 ? null : _timers.Min.At;

    public void Set(TargetQueue queue)
    {
        var next = nextChange(queue);
        ref var timer = ref queue.TimersAt[kind];
        if (next == timer)
        {
            return;
        }
        if (timer is { } old)
        {
            _timers.Remove((old, queue));
        }
        if (next is { } at)
        {
            _timers.Add((at, queue));
        }
        timer = next;
    }

    public void Remove(TargetQueue queue)
    {
        if (queue.TimersAt[kind] is { } at)
        {
            _timers.Remove((at, queue));
        }
    }

    public void Clear() => _timers.Clear();

    /// <summary>Takes a target whose time has come.</summary>
    public TargetQueue? TakeDue(TimeSpan now)
    {
        if (_timers.Count == 0 || _timers.Min is var timer && timer.At > now)
        {
            return null;
        }
        _timers.Remove(timer);
        timer.Queue.TimersAt[kind] = null;
        return timer.Queue;
    }
}
