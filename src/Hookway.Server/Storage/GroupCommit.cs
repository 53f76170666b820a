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
    private const string Broken = "The store's writer met a fault, and the server is stopping; what was asked for may have been stored.";

    private readonly Channel<Write> _queue = Channel.CreateUnbounded<Write>(new UnboundedChannelOptions { SingleReader = true });
    private readonly IWriteTransaction _transaction;
    private readonly Action<Exception> _fault;
    private readonly Task _loop;
    private int _waiting;
    private long _bytesWaiting;
    private volatile bool _isBroken;

    /// <param name="transaction">The driver's.</param>
    /// <param name="fault">Told, once, when the writer ends because of an exception that must not happen: everything after it is refused.</param>
    /// <param name="scheduler">Where the writer runs; a thread of its own when null.</param>
    public GroupCommit(IWriteTransaction transaction, Action<Exception> fault, TaskScheduler? scheduler = null)
    {
        _transaction = transaction;
        _fault = fault;
        _loop = Task.Factory.StartNew(Loop, CancellationToken.None, TaskCreationOptions.LongRunning, scheduler ?? TaskScheduler.Default).Unwrap();
    }

    /// <summary>
    /// Queues one item; the task ends when its commit did. It fails with <see cref="StorageUnavailableException"/> when the item could not be made durable
    /// or too much is waiting already; nothing is thrown at once.
    /// </summary>
    public Task<TResult> Add<TItem, TResult>(WriteLane<TItem, TResult> lane, TItem item)
    {
        var write = new Write<TItem, TResult>(lane, item);
        if (Interlocked.Increment(ref _waiting) > MostWaiting | Interlocked.Add(ref _bytesWaiting, write.Bytes) > MostBytesWaiting)
        {
            return Refused("Too many writes are waiting for the store.");
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
            Left(batch.Count, batch.Sum(write => write.Bytes));
            batch.Clear();
        }
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
            while (_queue.Reader.TryRead(out var write))
            {
                write.Fail(unavailable);
            }
        }
    }

    private async Task Commit(List<Write> batch)
    {
        var groups = batch.GroupBy(write => write.Lane, (_, writes) => writes.ToList()).ToList();
        if (await TryCommit(groups) is not { } failure)
        {
            return;
        }
        if (batch.Count == 1 || failure is StorageUnavailableException)
        {
            batch.ForEach(write => write.Fail(failure));
            return;
        }
        // One bad item must not fail its neighbours: each gets a transaction of its own.
        foreach (var write in batch)
        {
            if (await TryCommit([[write]]) is { } own)
            {
                write.Fail(own);
            }
        }
    }

    private async Task<Exception?> TryCommit(List<List<Write>> groups)
    {
        try
        {
            var session = await _transaction.Begin();
            foreach (var writes in groups)
            {
                await writes[0].Run(session, writes);
            }
            await _transaction.Commit();
        }
        catch (Exception e)
        {
            if (await _transaction.Abandon(e) is { } failure)
            {
                return failure;
            }
        }
        List<Exception> faults = [];
        foreach (var writes in groups)
        {
            try
            {
                writes[0].Committed(writes);
            }
            catch (Exception e)
            {
                faults.Add(new InvalidOperationException($"The writer's lane \"{writes[0].LaneName}\" failed after its commit.", e));
            }
        }
        return faults.Count == 0 ? null : throw new AggregateException("What was committed could not be taken over in memory.", faults);
    }

    private abstract class Write
    {
        public abstract object Lane { get; }
        public abstract string LaneName { get; }
        public abstract long Bytes { get; }
        public abstract Task Run(WriteSession session, List<Write> writes);
        public abstract void Committed(List<Write> writes);
        public abstract void Fail(Exception why);
    }

    private sealed class Write<TItem, TResult>(WriteLane<TItem, TResult> lane, TItem item) : Write
    {
        private TItem Item { get; } = item;
        private TResult Result { get; set; } = default!;

        public TaskCompletionSource<TResult> Completion { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override object Lane => lane;
        public override string LaneName => lane.Name;
        public override long Bytes { get; } = lane.SizeOf?.Invoke(item) ?? 0;

        public override async Task Run(WriteSession session, List<Write> writes)
        {
            var items = writes.ConvertAll(write => ((Write<TItem, TResult>)write).Item);
            var results = await lane.Run(session, items);
            for (var i = 0; i < results.Length; i++)
            {
                ((Write<TItem, TResult>)writes[i]).Result = results[i];
            }
        }

        public override void Committed(List<Write> writes)
        {
            var typed = writes.ConvertAll(write => (Write<TItem, TResult>)write);
            try
            {
                lane.Committed?.Invoke(typed.ConvertAll(write => write.Item), typed.ConvertAll(write => write.Result));
            }
            finally
            {
                // They are durable, whatever happened after the commit: a caller that is told otherwise would send again.
                typed.ForEach(write => write.Completion.TrySetResult(write.Result));
            }
        }

        public override void Fail(Exception why) => Completion.TrySetException(why);
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
    Task<Exception?> Abandon(Exception why);
}
