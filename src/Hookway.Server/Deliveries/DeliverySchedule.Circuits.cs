namespace Hookway.Deliveries;

/// <summary>What the schedule remembers of failures in a row, and when it lets a target rest because of them.</summary>
public sealed partial class DeliverySchedule
{
    /// <summary>Whether all failures of a target at its last attempts are known here; when not, <see cref="Learn"/> must come before <see cref="Judge"/>.</summary>
    public bool KnowsFailures(ScheduledWork work)
    {
        lock (_gate)
        {
            return work.Epoch != Epoch || _targets[work.TargetNo].KnowsFailures;
        }
    }

    /// <summary>Tells of the failures that the store had before an attempt that is under way.</summary>
    public void Learn(ScheduledWork work, RecentFailures before)
    {
        lock (_gate)
        {
            if (work.Epoch == Epoch)
            {
                _targets[work.TargetNo].Learn(before);
            }
        }
    }

    /// <summary>
    /// The attempt that was taken came to this, and is about to be recorded: what it does to the circuit of its target, to be recorded with it. Judged before it is recorded, so
    /// that of attempts that end together each counts once.
    /// </summary>
    public CircuitChange? Judge(ScheduledWork work, bool succeeded, DateTimeOffset now)
    {
        CircuitChange? change;
        lock (_gate)
        {
            if (work.Epoch != Epoch)
            {
                return null;
            }
            var queue = _targets[work.TargetNo];
            change = queue.Judge(work.IsProbe, succeeded, now, Time);
            if (change is not null)
            {
                // Closed: the others have waited in the store. Opened: they wait there.
                Unload(queue);
                Reconsider(queue);
            }
        }
        if (change is not null)
        {
            Signal();
        }
        return change;
    }
}
