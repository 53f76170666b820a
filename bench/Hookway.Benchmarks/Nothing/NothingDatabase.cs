using System.Data.Common;
using Hookway.Storage;
using Microsoft.Data.Sqlite;

namespace Hookway.Benchmarks.Nothing;

/// <summary>
/// A store that keeps no message, delivery or attempt: what is left of the server's work when storing costs nothing. Configuration is in an embedded store, so that
/// everything around the messages is the same. Known to the benchmark alone.
/// </summary>
public sealed class NothingDatabase(string folder) : Database
{
    private static readonly string[] Dropped = ["messages", "attempts"];

    private readonly SqliteDatabase _kept = new(folder);
    private SqliteConnection? _connection;
    private GroupCommit? _commits;

    public override void Migrate() => _kept.Migrate();

    public override void RequireUpToDate() => _kept.RequireUpToDate();

    public override void Open(Action<Exception> fault)
    {
        _kept.Open(fault);
        _connection = new SqliteConnection($"Data Source={Path.Combine(folder, "hookway.db")};Mode=ReadOnly;Pooling=False");
        _connection.Open();
        _commits = new GroupCommit(new Transaction(_connection), fault);
    }

    public override IAsyncDisposable Claim() => _kept.Claim();

    public override Task<long> Now(DbConnection connection) => _kept.Now(connection);

    public override Task<T> Read<T>(Func<DbConnection, Task<T>> work) => _kept.Read(work);

    public override Task<TResult> Write<TItem, TResult>(WriteLane<TItem, TResult> lane, TItem item) =>
        Dropped.Contains(lane.Name) ? _commits!.Add(lane, item) : _kept.Write(lane, item);

    public override void BackUp(string file) => _kept.BackUp(file);

    public override async ValueTask DisposeAsync()
    {
        if (_commits is not null)
        {
            await _commits.DisposeAsync();
        }
        if (_connection is not null)
        {
            await _connection.DisposeAsync();
        }
        await _kept.DisposeAsync();
    }

    private sealed class Transaction(DbConnection connection) : IWriteTransaction
    {
        private readonly Session _session = new(connection);

        public Task<WriteSession> Begin() => Task.FromResult<WriteSession>(_session);

        public Task Commit() => Task.CompletedTask;

        public Task<Exception?> Abandon(Exception why, Func<bool> waitInDoubt) => Task.FromResult<Exception?>(why);
    }

    /// <summary>Says of every row that it was written, and answers an update with the values it was given.</summary>
    private sealed class Session(DbConnection connection) : WriteSession(connection)
    {
        private long _last;

        public override Task ForEach<T>(RowStatement<T> statement, IReadOnlyList<T> rows) => Task.CompletedTask;

        public override Task<List<TFound>> Read<T, TFound>(RowStatement<T> statement, IReadOnlyList<T> rows, Func<FoundRow, TFound> read)
        {
            var found = new List<TFound>(rows.Count);
            if (statement.Sql.StartsWith("UPDATE deliveries", StringComparison.Ordinal))
            {
                var answer = new UpdatedRow<T>(statement);
                foreach (var row in rows)
                {
                    answer.Row = row;
                    found.Add(read(answer));
                }
            }
            return Task.FromResult(found);
        }

        /// <summary>What is asked of no row is asked of the store, which has the configuration.</summary>
        public override async Task Ask<T>(RowStatement<T> question, T row, Action<long?> answered) =>
            answered(question.Columns.Count == 0 ? (long?)await Prepared(question.Sql).Scalar() : null);

        public override Task<IReadOnlyList<long>> TakeNumbers(string counter, int count)
        {
            var numbers = new long[count];
            for (var i = 0; i < count; i++)
            {
                numbers[i] = ++_last;
            }
            return Task.FromResult<IReadOnlyList<long>>(numbers);
        }
    }

    /// <summary>The columns that the update of an outcome returns: message, target, status, run, and whatever follows as null.</summary>
    private sealed class UpdatedRow<T>(RowStatement<T> statement) : FoundRow
    {
        private readonly Func<T, long?>[] _columns =
            [.. new[] { "message", "target", "status", "run" }.Select(name => statement.Columns.Single(column => column.Name == name).Number)];

        public T Row { get; set; } = default!;

        public override bool IsDBNull(int column) => column >= _columns.Length;

        public override long GetInt64(int column) => _columns[column](Row) ?? 0;

        public override string GetString(int column) => throw new NotSupportedException();

        public override byte[] GetBytes(int column) => throw new NotSupportedException();
    }
}
