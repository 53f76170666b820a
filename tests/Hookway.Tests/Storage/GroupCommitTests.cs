using Hookway.Storage;

namespace Hookway.Tests.Storage;

public class GroupCommitTests
{
    private readonly Transactions _transactions = new();
    private readonly List<Exception> _faults = [];

    [Fact]
    public async Task What_waits_while_a_commit_runs_shares_the_next_one_in_order()
    {
        await using var writer = new GroupCommit(_transactions, _faults.Add);
        var seen = new List<int>();
        var lane = new WriteLane<int, int>("numbers", (_, items) =>
        {
            seen.AddRange(items);
            return Task.FromResult(items.Select(item => item * 2).ToArray());
        });
        var held = _transactions.HoldNext();
        var first = writer.Add(lane, 0);
        await held.Reached;
        var rest = Enumerable.Range(1, 100).Select(n => writer.Add(lane, n)).ToArray();
        first.IsCompleted.ShouldBeFalse();
        held.Release();

        (await first).ShouldBe(0);
        (await Task.WhenAll(rest)).ShouldBe(Enumerable.Range(1, 100).Select(n => n * 2));
        seen.ShouldBe(Enumerable.Range(0, 101));
        _transactions.Commits.ShouldBe(2);
    }

    [Fact]
    public async Task One_bad_item_fails_alone_and_its_neighbours_are_stored()
    {
        await using var writer = new GroupCommit(_transactions, _faults.Add);
        var stored = new List<int>();
        var lane = new WriteLane<int, int>(
            "numbers", (_, items) => items.Contains(13) ? throw new InvalidOperationException("thirteen") : Task.FromResult(items.ToArray()),
            (items, _) => stored.AddRange(items));
        var held = _transactions.HoldNext();
        var first = writer.Add(lane, 0);
        await held.Reached;
        var rest = Enumerable.Range(10, 6).ToDictionary(n => n, n => writer.Add(lane, n));
        held.Release();
        await first;

        foreach (var (n, task) in rest)
        {
            if (n == 13)
            {
                (await task.ShouldThrowAsync<InvalidOperationException>()).Message.ShouldBe("thirteen");
            }
            else
            {
                (await task).ShouldBe(n);
            }
        }
        stored.ShouldBe([0, 10, 11, 12, 14, 15]);
    }

    [Fact]
    public async Task A_failed_commit_fails_everyone_in_it_and_tells_nobody_that_it_was_stored()
    {
        await using var writer = new GroupCommit(_transactions, _faults.Add);
        var told = 0;
        var lane = new WriteLane<int, int>("numbers", (_, items) => Task.FromResult(items.ToArray()), (_, _) => told++);
        var held = _transactions.HoldNext();
        var first = writer.Add(lane, 0);
        await held.Reached;
        _transactions.FailCommits = true;
        var rest = Enumerable.Range(1, 5).Select(n => writer.Add(lane, n)).ToArray();
        held.Release();

        await first.ShouldThrowAsync<StorageUnavailableException>();
        foreach (var task in rest)
        {
            await task.ShouldThrowAsync<StorageUnavailableException>();
        }
        told.ShouldBe(0);
        _transactions.FailCommits = false;
        (await writer.Add(lane, 6)).ShouldBe(6);
        told.ShouldBe(1);
    }

    [Fact]
    public async Task What_was_added_before_the_end_is_written_and_what_comes_after_is_refused()
    {
        var writer = new GroupCommit(_transactions, _faults.Add);
        var lane = new WriteLane<int, int>("numbers", (_, items) => Task.FromResult(items.ToArray()));
        var held = _transactions.HoldNext();
        var first = writer.Add(lane, 1);
        await held.Reached;
        var second = writer.Add(lane, 2);
        var end = writer.DisposeAsync().AsTask();
        held.Release();
        await end;

        (await first).ShouldBe(1);
        (await second).ShouldBe(2);
        await Should.ThrowAsync<StorageUnavailableException>(async () => await writer.Add(lane, 3));
    }

    [Fact]
    public async Task A_fault_after_a_commit_ends_the_writer_and_leaves_nobody_waiting()
    {
        await using var writer = new GroupCommit(_transactions, _faults.Add);
        var faulty = new WriteLane<int, int>("faulty", (_, items) => Task.FromResult(items.ToArray()), (_, _) => throw new InvalidOperationException("out of memory"));
        var sound = new WriteLane<int, int>("sound", (_, items) => Task.FromResult(items.ToArray()));
        var held = _transactions.HoldNext();
        var first = writer.Add(sound, 0);
        await held.Reached;
        var stored = new[] { writer.Add(faulty, 1), writer.Add(sound, 2) };
        var next = _transactions.HoldNext();
        held.Release();
        await next.Reached;
        var waits = writer.Add(sound, 3);
        next.Release();

        (await first).ShouldBe(0);
        // These were committed, so they are not told otherwise.
        (await Task.WhenAll(stored)).ShouldBe([1, 2]);
        await waits.ShouldThrowAsync<StorageUnavailableException>();
        await writer.Add(sound, 4).ShouldThrowAsync<StorageUnavailableException>();
        var fault = _faults.ShouldHaveSingleItem().ToString();
        fault.ShouldContain("faulty");
        fault.ShouldContain("out of memory");
    }

    [Fact]
    public async Task A_transaction_that_cannot_be_given_up_ends_the_writer_and_fails_its_items()
    {
        await using var writer = new GroupCommit(_transactions, _faults.Add);
        var lane = new WriteLane<int, int>("numbers", (_, items) => Task.FromResult(items.ToArray()));
        _transactions.FailCommits = true;
        _transactions.FailAbandon = true;

        await writer.Add(lane, 1).ShouldThrowAsync<StorageUnavailableException>();

        _faults.ShouldHaveSingleItem().Message.ShouldBe("No rollback.");
    }

    [Fact]
    public async Task While_nobody_knows_of_a_commit_those_in_it_wait_and_all_others_are_refused_at_once()
    {
        await using var writer = new GroupCommit(_transactions, _faults.Add);
        var lane = new WriteLane<int, int>("numbers", (_, items) => Task.FromResult(items.ToArray()));
        var held = _transactions.HoldNext();
        var inDoubt = writer.Add(lane, 1);
        await held.Reached;
        var waits = writer.Add(lane, 2);
        _transactions.FailCommits = true;
        var doubt = _transactions.Doubt();
        held.Release();
        await doubt.Reached;

        await waits.ShouldThrowAsync<StorageUnavailableException>();
        await writer.Add(lane, 3).ShouldThrowAsync<StorageUnavailableException>();
        inDoubt.IsCompleted.ShouldBeFalse();
        _transactions.FailCommits = false;
        doubt.Release();

        (await inDoubt).ShouldBe(1);
        (await writer.Add(lane, 4)).ShouldBe(4);
        _faults.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_writer_that_is_closed_waits_no_longer_for_what_became_of_a_commit()
    {
        var writer = new GroupCommit(_transactions, _faults.Add);
        var lane = new WriteLane<int, int>("numbers", (_, items) => Task.FromResult(items.ToArray()));
        _transactions.FailCommits = true;
        var doubt = _transactions.Doubt();
        var inDoubt = writer.Add(lane, 1);
        await doubt.Reached;

        var end = writer.DisposeAsync().AsTask();
        doubt.Release();
        await end;

        await inDoubt.ShouldThrowAsync<StorageUnavailableException>();
        _faults.ShouldHaveSingleItem().Message.ShouldBe("Nobody knows.");
    }

    [Fact]
    public async Task What_waits_is_bounded_by_its_bytes_and_the_bound_frees_itself()
    {
        await using var writer = new GroupCommit(_transactions, _faults.Add);
        var lane = new WriteLane<long, long>("bytes", (_, items) => Task.FromResult(items.ToArray()), sizeOf: bytes => bytes);
        var held = _transactions.HoldNext();
        var first = writer.Add(lane, 1);
        await held.Reached;
        var most = writer.Add(lane, GroupCommit.MostBytesWaiting - 1);
        var tooMuch = writer.Add(lane, 1);
        tooMuch.IsFaulted.ShouldBeTrue();
        var nothing = writer.Add(lane, 0);
        held.Release();

        await tooMuch.ShouldThrowAsync<StorageUnavailableException>();
        await Task.WhenAll(first, most, nothing);
        (await writer.Add(lane, 0)).ShouldBe(0);
        (await writer.Add(lane, GroupCommit.MostBytesWaiting)).ShouldBe(GroupCommit.MostBytesWaiting);
    }

    private sealed class Transactions : IWriteTransaction
    {
        private Hold? _hold;
        private Hold? _doubt;

        public int Commits { get; private set; }
        public volatile bool FailCommits;
        public volatile bool FailAbandon;

        public Hold HoldNext() => _hold = new Hold();

        /// <summary>Of the next commit that fails nobody knows, until released, whether it took place; then it did.</summary>
        public Hold Doubt() => _doubt = new Hold();

        public Task<WriteSession> Begin() => Task.FromResult<WriteSession>(new SqliteSession(null!));

        public async Task Commit()
        {
            if (Interlocked.Exchange(ref _hold, null) is { } hold)
            {
                await hold.Wait();
            }
            if (FailCommits)
            {
                throw new StorageUnavailableException("The disk is full.");
            }
            Commits++;
        }

        public async Task<Exception?> Abandon(Exception why, Func<bool> waitInDoubt)
        {
            if (Interlocked.Exchange(ref _doubt, null) is { } doubt)
            {
                waitInDoubt().ShouldBeTrue();
                await doubt.Wait();
                return waitInDoubt() ? null : throw new InvalidOperationException("Nobody knows.");
            }
            return FailAbandon ? throw new InvalidOperationException("No rollback.") : why;
        }
    }

    private sealed class Hold
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Reached => _reached.Task;

        public void Release() => _released.SetResult();

        public Task Wait()
        {
            _reached.SetResult();
            return _released.Task;
        }
    }
}
