using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Hookway.Storage;

/// <summary>
/// The writer's transactions on SQLite. A commit that failed is undone; where that cannot be made sure of, the writer ends rather than go on from a guess.
/// </summary>
/// <param name="committed">Called after each commit.</param>
internal sealed class SqliteTransaction(SqliteConnection connection, Action committed) : IWriteTransaction, IDisposable
{
    private readonly SqliteSession _session = new(connection);
    private bool _committing;

    public Task<WriteSession> Begin()
    {
        _committing = false;
        _session.Raw("BEGIN IMMEDIATE").Run();
        return Task.FromResult<WriteSession>(_session);
    }

    public Task Commit()
    {
        _committing = true;
        _session.Raw("COMMIT").Run();
        committed();
        return Task.CompletedTask;
    }

    public Task<Exception?> Abandon(Exception why, Func<bool> waitInDoubt)
    {
        RollBack();
        if (_committing && why is SqliteException { SqliteErrorCode: raw.SQLITE_IOERR })
        {
            Overwrite(why);
        }
        return Task.FromResult<Exception?>(why is SqliteException e ? SqliteDatabase.Unavailable(e) ?? why : why);
    }

    public void Dispose() => _session.Dispose();

    private void RollBack()
    {
        // SQLite has rolled back by itself after a full disk or an I/O error.
        if (raw.sqlite3_get_autocommit(connection.Handle!) == 0)
        {
            _session.Raw("ROLLBACK").Run();
        }
    }

    /// <summary>
    /// A commit whose fsync failed is not in the store for anyone who reads now, but all of it may stand in the log behind what is, and the next start would take it for
    /// committed. Another commit takes its place in the log; when that fails too, nobody can say what the next start will find.
    /// </summary>
    private void Overwrite(Exception why)
    {
        try
        {
            _session.Raw("BEGIN IMMEDIATE").Run();
            _session.Raw("INSERT INTO counters (name, value) VALUES ('failed_commits', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1").Run();
            _session.Raw("COMMIT").Run();
        }
        catch (SqliteException)
        {
            throw new InvalidOperationException("The disk failed during a commit, and still fails: nobody can say whether the next start will find what was written.", why);
        }
    }
}
