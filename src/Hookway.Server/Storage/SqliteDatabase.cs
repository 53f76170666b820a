using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Hookway.Storage;

/// <summary>
/// The embedded store: one SQLite file in the data folder. Write-ahead log with <c>synchronous=FULL</c>, so a commit that returned has
/// been fsynced; one writer, readers in parallel.
/// </summary>
public sealed class SqliteDatabase : Database
{
    private const string Pragmas = """
        PRAGMA foreign_keys = ON;
        PRAGMA synchronous = FULL;
        PRAGMA fullfsync = ON;
        PRAGMA checkpoint_fullfsync = ON;
        PRAGMA temp_store = MEMORY;
        PRAGMA busy_timeout = 10000;
        """;

    // Each connection has a page cache of its own (in KiB): the writer's saves reads inside commits, those of readers add up.
    private static readonly string WriterPragmas = $"PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = {SqliteCheckpoints.LongLog};";
    private const string ReaderPragmas = "PRAGMA cache_size = -4096; PRAGMA query_only = ON;";
    private const int MostReaders = 8;

    private readonly string _folder;
    private readonly string _file;
    private readonly string _connectionString;
    private readonly ConcurrentBag<SqliteConnection> _readers = [];
    private readonly SemaphoreSlim _readersFree = new(MostReaders);
    private GroupCommit? _writer;
    private SqliteConnection? _writerConnection;
    private SqliteTransaction? _transaction;
    private SqliteCheckpoints? _checkpoints;

    static SqliteDatabase()
    {
        // Each connection is used by one thread at a time, so SQLite need not guard them, nor count its memory under a lock: a tenth of its CPU time.
        // Refused, and no harm, when the process has used SQLite before.
        Batteries_V2.Init();
        raw.sqlite3_config(raw.SQLITE_CONFIG_MULTITHREAD);
        raw.sqlite3_config(raw.SQLITE_CONFIG_MEMSTATUS, 0);
    }

    public SqliteDatabase(string dataFolder)
    {
        _folder = dataFolder;
        _file = Path.Combine(dataFolder, "hookway.db");
        _connectionString = new SqliteConnectionStringBuilder { DataSource = _file, Pooling = false, DefaultTimeout = 10 }.ToString();
    }

    public override void Migrate()
    {
        DataFolder.Create(_folder);
        Blame(() =>
        {
            using (var connection = Connect(WriterPragmas))
            {
                Run(connection, "PRAGMA journal_mode = WAL;");
            }
            Migrator.UpgradeSqlite(_connectionString);
        });
    }

    public override void RequireUpToDate()
    {
        if (!File.Exists(_file))
        {
            throw new InvalidOperationException($"There is no store in {_folder}: Hookway:DataFolder says where it is, and the first start of the server makes it.");
        }
        var isCurrent = false;
        Blame(() => isCurrent = Migrator.IsCurrentSqlite(_connectionString));
        if (!isCurrent)
        {
            throw new InvalidOperationException($"The store in {_folder} is of an older version: start this version's server on it once, or run migrate.");
        }
    }

    public override void Open(Action<Exception> fault)
    {
        _writerConnection = Connect(WriterPragmas);
        _checkpoints = new SqliteCheckpoints(_writerConnection.Handle!, Connect("PRAGMA cache_size = -64;"));
        _transaction = new SqliteTransaction(_writerConnection, _checkpoints.Committed);
        _writer = new GroupCommit(_transaction, fault, begun: Begun);
    }

    public override IAsyncDisposable Claim()
    {
        DataFolder.Create(_folder);
        return DataFolder.Take(_folder);
    }

    public override Task<long> Now(DbConnection connection) => Task.FromResult(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());

    public override async Task<T> Read<T>(Func<DbConnection, Task<T>> work)
    {
        await _readersFree.WaitAsync();
        try
        {
            return await ReadNow(work);
        }
        finally
        {
            _readersFree.Release();
        }
    }

    public override Task<TResult> Write<TItem, TResult>(WriteLane<TItem, TResult> lane, TItem item) =>
        (_writer ?? throw new InvalidOperationException("The store is not open.")).Add(lane, item);

    public override void BackUp(string file)
    {
        using var connection = Connect(WriterPragmas);
        using var command = connection.CreateCommand();
        command.CommandText = "VACUUM INTO $file";
        command.Parameters.AddWithValue("$file", file);
        try
        {
            command.ExecuteNonQuery();
        }
        catch (SqliteException e)
        {
            throw new IOException($"The store could not be copied to {file}: {e.Message}", e);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        if (_writer is not null)
        {
            await _writer.DisposeAsync();
        }
        if (_checkpoints is not null)
        {
            await _checkpoints.DisposeAsync();
        }
        while (_readers.TryTake(out var reader))
        {
            await reader.DisposeAsync();
        }
        _transaction?.Dispose();
        // The last connection to close checkpoints the log into the file; a writer closes last so that it may.
        if (_writerConnection is not null)
        {
            await _writerConnection.DisposeAsync();
        }
    }

    private async Task<T> ReadNow<T>(Func<DbConnection, Task<T>> work)
    {
        if (!_readers.TryTake(out var connection))
        {
            connection = Connect(ReaderPragmas);
        }
        try
        {
            var result = await work(connection);
            _readers.Add(connection);
            return result;
        }
        catch (SqliteException e)
        {
            await connection.DisposeAsync();
            throw Unavailable(e) ?? (Exception)e;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private SqliteConnection Connect(string more)
    {
        var connection = new SqliteConnection(_connectionString);
        try
        {
            Blame(() =>
            {
                connection.Open();
                Run(connection, Pragmas + more);
            });
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Runs what may fail because of the store, and says so when it did.</summary>
    private static void Blame(Action work)
    {
        try
        {
            work();
        }
        catch (SqliteException e)
        {
            throw Unavailable(e) ?? (Exception)e;
        }
    }

    private static void Run(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    /// <summary>The result codes that blame the store rather than the statement (sqlite.org/rescode.html).</summary>
    internal static StorageUnavailableException? Unavailable(SqliteException e) => e.SqliteErrorCode switch
    {
        5 or 6 => new("The database file is locked by another process.", e),
        8 => new("The database file cannot be written.", e),
        10 => new("The disk answered with an I/O error.", e),
        11 or 26 => new("The database file is damaged.", e),
        13 => new("The disk is full.", e),
        14 => new("The database file cannot be opened.", e),
        _ => null,
    };
}
