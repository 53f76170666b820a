using System.Threading.Channels;

namespace Hookway.Storage;

/// <summary>
/// The one writer of a node. Everything that waits when a commit ends goes into the next one: a batch closes when the commit before it ends, so
/// there is no timer and no fixed size; under load the batches grow, alone a write commits at once.
/// </summary>
public sealed class GroupCommit : IAsyncDisposable
{
    /// <summary>The most bytes that may wait, by what the lanes say of their items.</summary>
    public const long MostBytesWaiting = 256 << 20;

    private const int MostWaiting = 65_536;
    private const int MostConflicts = 5;
    private const string InDoubtNow = "The store went away during a commit, and nothing is written until it is back to say whether that took place.";
    private const string Broken = "The store's writer met a fault, and the server is stopping; what was asked for may have been stored.";

    private readonly Channel<Write> _queue = Channel.CreateUnbounded<Write>(new UnboundedChannelOptions { SingleReader = true });
    private readonly IWriteTransaction _transaction;
    private readonly Action<Exception> _fault;
    private readonly Func<WriteSession, Task>? _begun;
    private readonly Task _loop;
    private int _waiting;
    private long _bytesWaiting;
    private volatile bool _isBroken;
    private volatile bool _isInDoubt;
    private volatile bool _isClosing;

    /// <param name="transaction">The driver's.</param>
    /// <param name="fault">Told, once, when the writer ends because of an exception that must not happen: everything after it is refused.</param>
    /// <param name="scheduler">Where the writer runs; a thread of its own when null.</param>
    /// <param name="begun">Called at the beginning of each transaction.</param>
    public GroupCommit(IWriteTransaction transaction, Action<Exception> fault, TaskScheduler? scheduler = null, Func<WriteSession, Task>? begun = null)
    {
        _begun = begun;
        _transaction = transaction;
        _fault = fault;
        _loop = Task.Factory.StartNew(Loop, CancellationToken.None, TaskCreationOptions.LongRunning, scheduler ?? TaskScheduler.Default).Unwrap();
    }

    /// <summary>
    /// Queues one item; the task ends when its commit did. It fails with <see cref="StorageUnavailableException"/> when the item could not be made durable
    /// or too much is waiting already, or nobody knows what became of an earlier commit; nothing is thrown at once.
    /// </summary>
    public Task<TResult> Add<TItem, TResult>(WriteLane<TItem, TResult> lane, TItem item)
    {
        var write = new Write<TItem, TResult>(lane, item);
        if (Interlocked.Increment(ref _waiting) > MostWaiting | Interlocked.Add(ref _bytesWaiting, write.Bytes) > MostBytesWaiting)
        {
            return Refused("Too many writes are waiting for the store.");
        }
        if (_isInDoubt)
        {
            return Refused(InDoubtNow);
        }
        return _queue.Writer.TryWrite(write) ? write.Completion.Task : Refused(_isBroken ? Broken : "The store is closing.");

        Task<TResult> Refused(string why)
        {
            Left(1, write.Bytes);
            return Task.FromException<TResult>(new StorageUnavailableException(why));
        }
    }

    public async ValueTask DisposeAsync()
    {
        _isClosing = true;
        _queue.Writer.TryComplete();
        await _loop;
    }

    private async Task Loop()
    {
        var batch = new List<Write>();
        while (await _queue.Reader.WaitToReadAsync())
        {
            while (_queue.Reader.TryRead(out var write))
            {
                batch.Add(write);
            }
            try
            {
                await Commit(batch);
            }
            catch (Exception e)
            {
                Break(batch, e);
            }
            Left(batch.Count, BytesOf(batch));
            batch.Clear();
        }
    }

    private static long BytesOf(List<Write> batch)
    {
        var bytes = 0L;
        foreach (var write in batch)
        {
            bytes += write.Bytes;
        }
        return bytes;
    }

    private void Left(int count, long bytes)
    {
        Interlocked.Add(ref _waiting, -count);
        Interlocked.Add(ref _bytesWaiting, -bytes);
    }

    /// <summary>
    /// What is in memory may now differ from what is in the store, so nothing may be decided by it any more. Waiting for ever would be worse than ending:
    /// the process that starts next reads the store.
    /// </summary>
    private void Break(List<Write> batch, Exception why)
    {
        _isBroken = true;
        _queue.Writer.TryComplete();
        try
        {
            _fault(why);
        }
        finally
        {
            var unavailable = new StorageUnavailableException(Broken, why);
            batch.ForEach(write => write.Fail(unavailable));
            FailWaiting(unavailable);
        }
    }

    /// <summary>
    /// Nobody knows what became of the last commit, and those who were in it must wait for the truth; whoever else wants something is refused at once. False when that
    /// is no longer worth waiting for.
    /// </summary>
    private bool WaitInDoubt()
    {
        _isInDoubt = true;
        FailWaiting(new StorageUnavailableException(InDoubtNow));
        return !_isClosing;
    }

    private void FailWaiting(StorageUnavailableException why)
    {
        while (_queue.Reader.TryRead(out var write))
        {
            write.Fail(why);
            Left(1, write.Bytes);
        }
    }

    private async Task Commit(List<Write> batch)
    {
        if (await TryWithoutConflict(batch) is not { } failure)
        {
            return;
        }
        if (batch.Count == 1 || failure is StorageUnavailableException)
        {
            batch.ForEach(write => write.Fail(Told(failure)));
            return;
        }
        // One bad item must not fail its neighbours: each gets a transaction of its own.
        foreach (var write in batch)
        {
            if (await TryWithoutConflict([write]) is { } own)
            {
                write.Fail(Told(own));
            }
        }
    }

    /// <summary>What a caller is told: where others get in the way again and again it is for the store to take the write later; what no repetition mends is a fault.</summary>
    private static Exception Told(Exception failure) => failure switch
    {
        WriteConflictException { InnerException: null or System.Data.Common.DbException { IsTransient: true } } => new StorageUnavailableException(failure.Message, failure),
        WriteConflictException { InnerException: { } cause } => cause,
        _ => failure,
    };

    /// <summary>What another node got in the way of is done again, all of it: then that node's commit is there to be seen.</summary>
    private async Task<Exception?> TryWithoutConflict(List<Write> batch)
    {
        var failure = await TryCommit(Share(batch));
        for (var again = 0; failure is WriteConflictException && again < MostConflicts; again++)
        {
            failure = await TryCommit(Share(batch));
        }
        return failure;
    }

    /// <summary>Gives each lane its items, lanes in their order, those of the same one as they first came.</summary>
    private static List<LaneShare> Share(List<Write> batch)
    {
        var shares = new List<LaneShare>(4);
        foreach (var write in batch)
        {
            var at = 0;
            while (at < shares.Count && shares[at].Lane != write.Lane)
            {
                at++;
            }
            if (at == shares.Count)
            {
                var share = write.NewShare();
                at = shares.FindIndex(other => other.Order > share.Order) is >= 0 and var before ? before : shares.Count;
                shares.Insert(at, share);
            }
            shares[at].Add(write);
        }
        return shares;
    }

    private async Task<Exception?> TryCommit(List<LaneShare> shares)
    {
        WriteSession? session = null;
        try
        {
            session = await _transaction.Begin();
            session.Begun();
            if (_begun is not null)
            {
                await _begun(session);
            }
            foreach (var share in shares)
            {
                await share.Run(session);
            }
            await _transaction.Commit();
        }
        catch (Exception e)
        {
            try
            {
                if (await _transaction.Abandon(e, WaitInDoubt) is { } failure)
                {
                    return failure;
                }
            }
            finally
            {
                _isInDoubt = false;
            }
        }
        session!.Committed();
        List<Exception>? faults = null;
        foreach (var share in shares)
        {
            try
            {
                share.Committed();
            }
            catch (Exception e)
            {
                (faults ??= []).Add(new InvalidOperationException($"The writer's lane \"{share.LaneName}\" failed after its commit.", e));
            }
        }
        return faults is null ? null : throw new AggregateException("What was committed could not be taken over in memory.", faults);
    }

    /// <summary>One item that waits.</summary>
    private abstract class Write
    {
        public abstract object Lane { get; }
        public abstract long Bytes { get; }
        public abstract LaneShare NewShare();
        public abstract void Fail(Exception why);
    }

    private sealed class Write<TItem, TResult>(WriteLane<TItem, TResult> lane, TItem item) : Write
    {
        public TItem Item { get; } = item;
        public TaskCompletionSource<TResult> Completion { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override object Lane => lane;
        public override long Bytes { get; } = lane.SizeOf?.Invoke(item) ?? 0;

        public override LaneShare NewShare() => new LaneShare<TItem, TResult>(lane);

        public override void Fail(Exception why) => Completion.TrySetException(why);
    }

    /// <summary>What one lane has in a batch.</summary>
    private abstract class LaneShare
    {
        public abstract object Lane { get; }
        public abstract string LaneName { get; }
        public abstract int Order { get; }
        public abstract void Add(Write write);
        public abstract Task Run(WriteSession session);
        public abstract void Committed();
    }

    private sealed class LaneShare<TItem, TResult>(WriteLane<TItem, TResult> lane) : LaneShare
    {
        private readonly List<TItem> _items = [];
        private readonly List<TaskCompletionSource<TResult>> _callers = [];
        private TResult[] _results = [];

        public override object Lane => lane;
        public override string LaneName => lane.Name;
        public override int Order => lane.Order;

        public override void Add(Write write)
        {
            var own = (Write<TItem, TResult>)write;
            _items.Add(own.Item);
            _callers.Add(own.Completion);
        }

        public override async Task Run(WriteSession session) => _results = await lane.Run(session, _items);

        public override void Committed()
        {
            try
            {
                lane.Committed?.Invoke(_items, _results);
            }
            finally
            {
                // They are durable, whatever happened after the commit: a caller that is told otherwise would send again.
                for (var i = 0; i < _callers.Count; i++)
                {
                    _callers[i].TrySetResult(_results[i]);
                }
            }
        }
    }
}

/// <summary>How a driver begins, commits and gives up the writer's transaction.</summary>
public interface IWriteTransaction
{
    Task<WriteSession> Begin();

    Task Commit();

    /// <summary>
    /// Rolls back after a failure and says what the callers should be told: <see cref="StorageUnavailableException"/> when the store is to blame; null when the
    /// transaction was committed after all.
    /// </summary>
    /// <param name="waitInDoubt">Asked now and again while nobody knows whether it was committed; false ends the waiting, with an exception.</param>
    Task<Exception?> Abandon(Exception why, Func<bool> waitInDoubt);
}
