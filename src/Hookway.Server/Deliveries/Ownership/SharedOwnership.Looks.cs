using Hookway.Storage;

namespace Hookway.Deliveries.Ownership;

/// <summary>What a node does for its place among the others while it runs: it renews its lease, takes over, takes what is free and lets go of what rests.</summary>
public sealed partial class SharedOwnership
{
    private const int SoonAfterFailure = 5;

    private async Task Register()
    {
        var since = _options.Clock.GetTimestamp();
        var no = await _owners.Register(Environment.MachineName, _options.Lease);
        // A node that stood still may have missed a rotation of the key, which waits for nobody whose lease is over.
        await _store.VerifyMasterKey(_protector);
        lock (_gate)
        {
            _owned.Clear();
            _schedule.Clear(no);
            Volatile.Write(ref _lease, new NodeLease(no, _options.Lease, _options.Clock, since));
        }
        _log.LogInformation("This is node {Node}", no);
    }

    private async Task Renew()
    {
        if (Volatile.Read(ref _lease) is not { } lease)
        {
            return;
        }
        var since = _options.Clock.GetTimestamp();
        var wasHeld = lease.IsHeld;
        if (!await _owners.Renew(lease.No, _options.Lease))
        {
            Lose(lease);
            return;
        }
        lease.Renewed(since);
        _metrics.Renewed();
        if (!wasHeld)
        {
            _schedule.Signal();
        }
    }

    /// <summary>What a node does once a second, told or not.</summary>
    private async Task Look()
    {
        try
        {
            if (Volatile.Read(ref _lease) is null)
            {
                await Register();
            }
            await _configuration.CatchUp();
            var news = await _owners.News(Epoch, _clock.GetUtcNow().ToUnixTimeMilliseconds());
            _hasOthers = news.HasOthers;
            _steadySince ??= _options.Clock.GetTimestamp();
            // While the store was away nobody could renew a lease: each is given the time to do so before it is taken for dead.
            if (news.HasLapsed && _options.Clock.GetElapsedTime(_steadySince.Value) >= _options.Lease)
            {
                news = news with { HasFree = await GiveUpLapsed() || news.HasFree };
            }
            if (news.HasFree && !_schedule.HasRoom)
            {
                // Who has much takes over little, but never nothing: there may be nobody else.
                await TakeFree(Math.Min(_options.Step, _options.StepWithoutRoom));
            }
            while (news.HasFree && _schedule.HasRoom && await TakeFree(_options.Step) == _options.Step)
            {
            }
            await LetGo();
        }
        catch
        {
            _steadySince = null;
            throw;
        }
    }

    private async Task<bool> GiveUpLapsed()
    {
        var lapsed = await _database.Write(_owners.GiveUpLapsed);
        if (lapsed.Count > 0)
        {
            _metrics.GaveUp(lapsed.Count);
            _log.LogWarning("Nodes {Nodes} have not renewed their leases; others take over what they had", string.Join(", ", lapsed));
            _database.Signals?.Send(Free);
        }
        return lapsed.Count > 0;
    }

    private Task<int> TakeFree(int most) => _database.Write(async session =>
    {
        if (Volatile.Read(ref _lease) is not { } lease)
        {
            return 0;
        }
        var taken = await OwnerStore.TakeFree(session, lease.No, _clock.GetUtcNow().ToUnixTimeMilliseconds(), most);
        session.WhenCommitted(() =>
        {
            _metrics.Taken(taken.Count, withWork: false);
            taken.ForEach(target => Own(lease, target, hasMore: true));
        });
        return taken.Count;
    });

    /// <summary>Lets go of targets that have had nothing to do for a while, but for those that are paused, and looks whether others have work after all that nobody told of.</summary>
    private async Task LetGo()
    {
        var now = _clock.GetUtcNow();
        var quiet = _schedule.Quiet(_owned.Keys, now + _options.LongWait);
        var missed = new List<long>();
        foreach (var some in quiet.Chunk(_options.Step))
        {
            missed.AddRange(await _owners.HavingDue(some, now.ToUnixTimeMilliseconds()));
        }
        missed.ForEach(_schedule.HasMore);
        var linger = _hasOthers ? _options.Linger : _options.LingerAlone;
        var idle = quiet.Except(missed).Where(target => _owned.TryGetValue(target, out var owned) && _options.Clock.GetElapsedTime(owned.UsedAt) > linger).Take(_options.Step).ToList();
        if (idle.Count > 0)
        {
            await LetGo(idle, now + _options.LongWait);
        }
    }

    private async Task LetGo(List<long> idle, DateTimeOffset soon)
    {
        var still = new Dictionary<long, DateTimeOffset?>();
        try
        {
            await _database.Write(async session =>
            {
                // Done again after another node got in the way: what was suspended for the first time goes on first.
                foreach (var target in still.Keys)
                {
                    if (_owned.TryGetValue(target, out var owned))
                    {
                        owned.IsLeaving = false;
                    }
                    _schedule.Resume(target);
                }
                still.Clear();
                if (Volatile.Read(ref _lease) is not { } lease)
                {
                    return 0;
                }
                foreach (var target in idle)
                {
                    // From here on whoever gives it work asks the store whose it is, and nothing is taken from its queue.
                    if (_owned.TryGetValue(target, out var owned) && _schedule.TrySuspend(target, soon) is (true, var heldUntil))
                    {
                        owned.IsLeaving = true;
                        still[target] = heldUntil;
                    }
                }
                var gone = await OwnerStore.LetGo(session, lease.No, still, soon);
                session.WhenCommitted(() => Gone(lease, still.Keys, gone));
                return gone.Count;
            });
        }
        catch
        {
            // They stay; the store is asked whose they are until it has said so.
            foreach (var target in still.Keys)
            {
                _schedule.Resume(target);
            }
            throw;
        }
    }

    private void Gone(NodeLease lease, IEnumerable<long> asked, HashSet<long> gone)
    {
        lock (_gate)
        {
            if (_lease != lease)
            {
                return;
            }
            _metrics.LetGo(gone.Count);
            foreach (var target in asked)
            {
                if (gone.Contains(target))
                {
                    _owned.TryRemove(target, out _);
                    _schedule.Forget(target);
                }
                else
                {
                    _owned[target].IsLeaving = false;
                    _schedule.Resume(target);
                }
            }
        }
    }

    private async Task Repeat(Func<Task> work, TimeSpan every, Wake wake)
    {
        for (var failures = 0; !_stop.IsCancellationRequested;)
        {
            try
            {
                failures++;
                await work();
                failures = 0;
            }
            catch (StorageUnavailableException e)
            {
                _log.LogWarning("This node's part among the nodes waits for the store: {Reason}", e.Message);
            }
            catch (InvalidDataException e)
            {
                _fault(e);
                return;
            }
            catch (Exception e)
            {
                _log.LogError(e, "This node's part among the nodes met a fault, and is tried again");
            }
            // What failed by chance need not wait for its next time; what goes on failing has time.
            await Rest(wake, failures == 1 ? every / SoonAfterFailure : every);
        }
    }

    /// <summary>Ends after a time, when somebody wakes this loop, or when the node stops.</summary>
    private async Task Rest(Wake wake, TimeSpan time)
    {
        var next = wake.Next;
        using var timer = _options.Clock.CreateTimer(_ => next.TrySetResult(), null, time, Timeout.InfiniteTimeSpan);
        using var stopped = _stop.Token.UnsafeRegister(_ => next.TrySetResult(), null);
        await next.Task;
        wake.Next = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>What ends the rest of a loop.</summary>
    private sealed class Wake
    {
        private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Next
        {
            get => Volatile.Read(ref _next);
            set => Volatile.Write(ref _next, value);
        }

        public void Up() => Next.TrySetResult();
    }
}
