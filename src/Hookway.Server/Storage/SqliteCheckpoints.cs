using System.Threading.Channels;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Hookway.Storage;

/// <summary>
/// Moves what was committed from the log into the file, on a connection of its own beside the writer, which else does it between two commits while everybody waits. The log begins
/// again when the writer finds all of it moved; under a load that never pauses the writer moves what little is left, when the log has become long.
/// </summary>
internal sealed class SqliteCheckpoints : IAsyncDisposable
{
    /// <summary>The length of the log, in pages, at which the writer sees to it that it begins again: 16 MiB.</summary>
    public const int LongLog = 4_096;

    private const int PagesBetween = 2_000;

    private readonly Channel<bool> _due = Channel.CreateBounded<bool>(1);
    private readonly sqlite3 _writer;
    private readonly SqliteConnection _connection;
    private readonly Task _loop;
    private int _pages;

    public SqliteCheckpoints(sqlite3 writer, SqliteConnection connection)
    {
        _writer = writer;
        _connection = connection;
        _loop = Task.Run(Loop);
    }

    /// <summary>On the writer, after a commit.</summary>
    public void Committed()
    {
        raw.sqlite3_db_status(_writer, raw.SQLITE_DBSTATUS_CACHE_WRITE, out var written, out _, 1);
        _pages += written;
        if (_pages >= PagesBetween && _due.Writer.TryWrite(true))
        {
            _pages = 0;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _due.Writer.TryComplete();
        await _loop;
        await _connection.DisposeAsync();
    }

    private async Task Loop()
    {
        await foreach (var _ in _due.Reader.ReadAllAsync())
        {
            // Neither waits for the writer nor holds it up. Where the disk fails, or is full, it is the writer who says so.
            raw.sqlite3_wal_checkpoint_v2(_connection.Handle, "main", raw.SQLITE_CHECKPOINT_PASSIVE, out var _, out var _);
        }
    }
}
