namespace Hookway.Deliveries;

/// <summary>What the schedule does where nodes share a store: it takes in nothing of targets that are not this node's, and lets go of those that have nothing to do.</summary>
public sealed partial class DeliverySchedule
{
    private static readonly TimeSpan LongestTrust = TimeSpan.FromMinutes(1);

    private Func<long, bool> _owns = static _ => true;
    private Func<bool> _mayBegin = static () => true;
    private bool _isShared;
    private TimeSpan? _attemptsElsewhereUntil;

    /// <summary>Under which number of its node everything in here was taken. Work that was taken under another is not known here any more.</summary>
    public long Epoch { get; private set; }

    /// <summary>Until now an earlier process may have sent to targets that are new here: a rate limit begins with a wait.</summary>
    public void OthersHaveSent() => _attemptsElsewhereUntil = Time;

    /// <summary>Whether there is room for targets that have work.</summary>
    public bool HasRoom
    {
        get
        {
            lock (_gate)
            {
                return _reads.Count < MostReadsWaiting && _ready < options.ReadyInAll;
            }
        }
    }

    /// <summary>From now on only some targets are this node's.</summary>
    /// <param name="owns">Which; asked often, and under a lock.</param>
    /// <param name="mayBegin">Whether attempts may begin now.</param>
    public void Share(Func<long, bool> owns, Func<bool> mayBegin)
    {
        _owns = owns;
        _mayBegin = mayBegin;
        _isShared = true;
    }

    /// <summary>Whether work that was taken is still this node's to do.</summary>
    public bool MayGoOn(ScheduledWork work) => work.Epoch == Epoch && _mayBegin();

    /// <summary>Forgets everything: nothing in here is this node's any more.</summary>
    public void Clear(long epoch)
    {
        lock (_gate)
        {
            Epoch = epoch;
            _targets.Clear();
            _timers.Clear();
            _dueTimers.Clear();
            _ring.Clear();
            _reads.Clear();
            _readsUnderWay = 0;
            _ready = 0;
            _contentBytes = 0;
        }
        Signal();
    }

    /// <summary>A target is this node's now, or still.</summary>
    /// <param name="hasMore">The store may have work for it that was not handed over.</param>
    /// <param name="othersHaveSent">Others may have sent to it until now; false when it rested before.</param>
    public void Take(long targetNo, bool hasMore, bool othersHaveSent)
    {
        lock (_gate)
        {
            if (!hasMore && !_targets.ContainsKey(targetNo))
            {
                return;
            }
            var queue = QueueOf(targetNo);
            queue.IsSuspended = false;
            queue.MoreInStore |= hasMore;
            queue.AttemptsElsewhereUntil = othersHaveSent ? Time : queue.AttemptsElsewhereUntil;
            Reconsider(queue);
        }
        Signal();
    }

    /// <summary>The store has work for a target that was not handed over.</summary>
    public void HasMore(long targetNo)
    {
        lock (_gate)
        {
            if (!_owns(targetNo))
            {
                return;
            }
            var queue = QueueOf(targetNo);
            queue.MoreInStore = true;
            Reconsider(queue);
        }
        Signal();
    }

    /// <summary>Which of these targets have nothing to do before a time.</summary>
    public List<long> Quiet(IEnumerable<long> targets, DateTimeOffset soon)
    {
        lock (_gate)
        {
            var (now, time) = (clock.GetUtcNow(), Time);
            return [.. targets.Where(target => !_targets.TryGetValue(target, out var queue) || queue.IsQuiet(now, time, soon))];
        }
    }

    /// <summary>Holds a target still that has nothing to do before a time, so that it can be let go. Answers whether it had, and until when it may do nothing in any case.</summary>
    public (bool IsStill, DateTimeOffset? HeldUntil) TrySuspend(long targetNo, DateTimeOffset soon)
    {
        lock (_gate)
        {
            var (now, time) = (clock.GetUtcNow(), Time);
            if (_targets.TryGetValue(targetNo, out var queue) && !queue.IsQuiet(now, time, soon))
            {
                return (false, null);
            }
            queue ??= QueueOf(targetNo);
            queue.IsSuspended = true;
            return (true, queue.HeldUntil(now, time));
        }
    }

    /// <summary>Goes on with a target that was held still.</summary>
    public void Resume(long targetNo)
    {
        lock (_gate)
        {
            if (_targets.TryGetValue(targetNo, out var queue))
            {
                queue.IsSuspended = false;
                queue.MoreInStore = true;
                Reconsider(queue);
            }
        }
        Signal();
    }

    /// <summary>Forgets a target that was held still: it is not this node's any more.</summary>
    public void Forget(long targetNo)
    {
        lock (_gate)
        {
            if (_targets.Remove(targetNo, out var queue))
            {
                _timers.Remove(queue);
                _dueTimers.Remove(queue);
                _quick.Note(targetNo, queue.IsQuick);
            }
        }
    }

    /// <summary>A head that waits for its retry holds the rest. Where nodes share a store it is looked at each minute: whoever took it back may have died before it told of that.</summary>
    private void HoldForHead(TargetQueue queue, DateTimeOffset? until)
    {
        queue.HeadWaitsUntil = _isShared ? null : until;
        if (_isShared && until - clock.GetUtcNow() is { } rest)
        {
            queue.HoldUntil = Time + (rest < LongestTrust ? rest : LongestTrust);
            queue.MoreInStore = true;
        }
    }
}
