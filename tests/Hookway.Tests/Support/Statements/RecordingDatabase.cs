using System.Collections.Concurrent;
using System.Data.Common;
using Hookway.Storage;

namespace Hookway.Tests.Support.Statements;

/// <summary>The server's own store, which remembers every statement that is read with while it is told to: what a test says of statements it says of those that ran.</summary>
public sealed class RecordingDatabase(Database inner) : Database
{
    private readonly ConcurrentQueue<RecordedStatement> _statements = new();

    /// <summary>Whether statements are remembered.</summary>
    public bool IsRecording { get; set; }

    /// <summary>Puts one in the place of the server's store.</summary>
    public static void Wrap(IServiceCollection services)
    {
        var original = services.Last(service => service.ServiceType == typeof(Database));
        services.AddSingleton<Database>(provider => new RecordingDatabase((Database)original.ImplementationFactory!(provider)));
    }

    /// <summary>What was remembered since the last call.</summary>
    public IReadOnlyList<RecordedStatement> Take()
    {
        var taken = _statements.ToList();
        _statements.Clear();
        return taken;
    }

    public override Task<T> Read<T>(Func<DbConnection, Task<T>> work) =>
        IsRecording ? inner.Read(connection => work(new RecordingConnection(connection, _statements.Enqueue))) : inner.Read(work);

    public override bool IsShared => inner.IsShared;

    public override Task<SettledNumbers> Settled(string counter, DateTimeOffset now) => inner.Settled(counter, now);

    public override void Migrate() => inner.Migrate();

    public override void RequireUpToDate() => inner.RequireUpToDate();

    public override void Open(Action<Exception> fault) => inner.Open(fault);

    public override IAsyncDisposable Claim() => inner.Claim();

    public override Task<IAsyncDisposable> TakeTurn() => inner.TakeTurn();

    public override Task<T> Aside<T>(Func<DbConnection, Task<T>> work) => inner.Aside(work);

    public override Task<long> Now(DbConnection connection) => inner.Now(connection);

    public override NodeSignals? Signals => inner.Signals;

    public override Func<WriteSession, Task>? Guard
    {
        get => inner.Guard;
        set => inner.Guard = value;
    }

    public override Task<TResult> Write<TItem, TResult>(WriteLane<TItem, TResult> lane, TItem item) => inner.Write(lane, item);

    public override void BackUp(string file) => inner.BackUp(file);

    public override ValueTask DisposeAsync() => inner.DisposeAsync();
}

/// <summary>One statement as it ran.</summary>
public sealed record RecordedStatement(string Sql, IReadOnlyList<KeyValuePair<string, object?>> Values);
