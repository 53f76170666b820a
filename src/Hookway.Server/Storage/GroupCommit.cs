using System.Threading.Channels;

namespace Hookway.Storage;

/// <summary>
/// The one writer of a node. Everything that waits when a commit ends goes into the next one: a batch closes when the commit before it ends, so
/// there is no timer and no fixed size; under load the batches grow, alone a write commits at once.
/// </summary>
public sealed class GroupCommit : IAsyncDisposable
{
    private const int MostWaiting = 65_536;

    private readonly Channel<Write> _queue = Channel.CreateUnbounded<Write>(new UnboundedChannelOptions { SingleReader = true });
    private readonly IWriteTransaction _transaction;
    private readonly Task _loop;
    private int _waiting;

    public GroupCommit(IWriteTransaction transaction)
    {
        _transaction = transaction;
        _loop = Task.Factory.StartNew(Loop, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();
    }

    /// <summary>Queues one item; the task ends when its commit did.</summary>
    /// <exception cref="StorageUnavailableException">It could not be made durable, or too much is waiting already.</exception>
    public Task<TResult> Add<TItem, TResult>(WriteLane<TItem, TResult> lane, TItem item)
    {
        if (Interlocked.Increment(ref _waiting) > MostWaiting)
        {
            Interlocked.Decrement(ref _waiting);
            throw new StorageUnavailableException("Too many writes are waiting for the store.");
        }
        var write = new Write<TItem, TResult>(lane, item);
        if (!_queue.Writer.TryWrite(write))
        {
            Interlocked.Decrement(ref _waiting);
            throw new StorageUnavailableException("The store is closing.");
        }
        return write.Completion.Task;
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
            await Commit(batch);
            Interlocked.Add(ref _waiting, -batch.Count);
            batch.Clear();
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
        foreach (var writes in groups)
        {
            writes[0].Committed(writes);
        }
        return null;
    }

    private abstract class Write
    {
        public abstract object Lane { get; }
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
            lane.Committed?.Invoke(typed.ConvertAll(write => write.Item), typed.ConvertAll(write => write.Result));
            typed.ForEach(write => write.Completion.SetResult(write.Result));
        }

        public override void Fail(Exception why) => Completion.SetException(why);
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
