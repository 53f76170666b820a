using System.Data.Common;

namespace Hookway.Storage;

/// <summary>
/// The store, as every slice sees it: reads run in parallel on connections of their own; writes go through one <see cref="GroupCommit"/>, where
/// concurrent writers share a commit. A driver differs in how it connects and in the SQL files of its migrations;
/// the statements of the slices are written once, in the SQL that SQLite and PostgreSQL share.
/// </summary>
public abstract class Database : IAsyncDisposable
{
    static Database()
    {
        // Columns are created_at, members CreatedAt.
        Dapper.DefaultTypeMap.MatchNamesWithUnderscores = true;
    }

    /// <summary>Brings the schema up to date, on an empty store too. Safe to run again.</summary>
    public abstract void Migrate();

    /// <summary>Makes sure that there is a store and that its schema is the one of this program; changes nothing.</summary>
    /// <exception cref="InvalidOperationException">It is not so; the message says what to do.</exception>
    public abstract void RequireUpToDate();

    /// <summary>Opens the store for work. Called once, after <see cref="Migrate"/> or <see cref="RequireUpToDate"/>.</summary>
    /// <param name="fault">Told when the writer can no longer be trusted: nothing is written any more, and the process should end.</param>
    public abstract void Open(Action<Exception> fault);

    /// <summary>Makes this process the one server on the store, until disposed, where the store has but one: a second one would deliver everything twice.</summary>
    /// <exception cref="InvalidOperationException">Another server has it.</exception>
    public virtual IAsyncDisposable Claim() => NoTurn.Instance;

    /// <summary>Whether other processes may be at work on the same store.</summary>
    public virtual bool IsShared => false;

    /// <summary>Runs a read on a pooled connection. It sees every write whose task had completed before.</summary>
    /// <exception cref="StorageUnavailableException">The store cannot be reached.</exception>
    public abstract Task<T> Read<T>(Func<DbConnection, Task<T>> work);

    /// <summary>Runs a small statement on a connection of its own, beside the writer, which may be held up.</summary>
    /// <exception cref="StorageUnavailableException">The store cannot be reached.</exception>
    public virtual Task<T> Aside<T>(Func<DbConnection, Task<T>> work) => Read(work);

    /// <summary>The store's own time in Unix milliseconds, which is the same for all who share it.</summary>
    public abstract Task<long> Now(DbConnection connection);

    /// <summary>
    /// Up to where a counter's numbers are settled: all rows with these numbers that there will ever be can be read. Numbers are given before commits, and those may end in another order.
    /// </summary>
    /// <param name="now">The time of asking.</param>
    public virtual Task<SettledNumbers> Settled(string counter, DateTimeOffset now) => Task.FromResult(new SettledNumbers(long.MaxValue, now));

    /// <summary>How nodes that share the store wake each other; null where there is one node.</summary>
    public virtual NodeSignals? Signals => null;

    /// <summary>Called on the writer at the beginning of each transaction; by throwing it keeps the transaction from being made.</summary>
    public virtual Func<WriteSession, Task>? Guard { get; set; }

    protected Task Begun(WriteSession session) => Guard is { } guard ? guard(session) : Task.CompletedTask;

    /// <summary>Holds nodes that start at once apart while one of them does what only the first has to do.</summary>
    public virtual Task<IAsyncDisposable> TakeTurn() => Task.FromResult<IAsyncDisposable>(NoTurn.Instance);

    /// <summary>Runs one write in a transaction that it may share with other writers; the task completes after the commit.</summary>
    /// <param name="work">Reads and writes; run again from the start when a neighbour in the same commit failed, so it must have no other effect.</param>
    /// <exception cref="StorageUnavailableException">The write could not be made durable, and nothing of it was stored.</exception>
    public Task<T> Write<T>(Func<WriteSession, Task<T>> work) => Write(Closures<T>.Lane, work);

    /// <summary>Runs one item of a lane whose items are written many at a time.</summary>
    /// <exception cref="StorageUnavailableException">The item could not be made durable, and nothing of it was stored.</exception>
    public abstract Task<TResult> Write<TItem, TResult>(WriteLane<TItem, TResult> lane, TItem item);

    /// <summary>Copies the whole store, consistent at one instant, into a new file while the server runs.</summary>
    public abstract void BackUp(string file);

    public abstract ValueTask DisposeAsync();

    private sealed class NoTurn : IAsyncDisposable
    {
        public static readonly NoTurn Instance = new();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private static class Closures<T>
    {
        public static readonly WriteLane<Func<WriteSession, Task<T>>, T> Lane = new("writes", async (session, works) =>
        {
            var results = new T[works.Count];
            for (var i = 0; i < results.Length; i++)
            {
                results[i] = await works[i](session);
            }
            return results;
        });
    }
}

/// <summary>A kind of write that is done many at a time: all items that wait when a commit begins are given to <paramref name="run"/> together.</summary>
/// <param name="name">For logs and errors.</param>
/// <param name="run">Writes the items and answers one result for each, in order. Run again, item by item, when a batch failed.</param>
/// <param name="committed">Called on the writer after the commit and before any of the callers hears of it; must be quick. When it throws, the writer ends for good.</param>
/// <param name="sizeOf">The bytes that a waiting item keeps in memory, where they are many.</param>
/// <param name="order">
/// Lanes with a higher one come later in a transaction. What many write, and holds up others until the commit, comes last, and at the same place on every node, so that no two
/// wait for each other: an accept counts against limits before anything counts configuration changes.
/// </param>
public sealed class WriteLane<TItem, TResult>(
    string name,
    Func<WriteSession, IReadOnlyList<TItem>, Task<TResult[]>> run,
    Action<IReadOnlyList<TItem>, IReadOnlyList<TResult>>? committed = null,
    Func<TItem, long>? sizeOf = null,
    int order = 0)
{
    public string Name { get; } = name;
    public Func<WriteSession, IReadOnlyList<TItem>, Task<TResult[]>> Run { get; } = run;
    public Action<IReadOnlyList<TItem>, IReadOnlyList<TResult>>? Committed { get; } = committed;
    public Func<TItem, long>? SizeOf { get; } = sizeOf;
    public int Order { get; } = order;
}

/// <summary>Another node wrote the same at the same time, and this transaction gave way: done again, it sees what the other did.</summary>
public sealed class WriteConflictException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The store cannot take a write or answer a read now: a full disk, a failed fsync, a lost connection. Answered with 503.</summary>
public sealed class StorageUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The numbers of a counter up to which nothing can come any more.</summary>
/// <param name="AsOf">What was committed before this time has one of them.</param>
public readonly record struct SettledNumbers(long Last, DateTimeOffset AsOf);
