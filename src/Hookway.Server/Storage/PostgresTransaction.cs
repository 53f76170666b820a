using System.Security.Cryptography;
using Npgsql;

namespace Hookway.Storage;

/// <summary>
/// The writer's transactions on PostgreSQL, on a connection that is made again when it is lost. When the connection breaks during a commit, nobody knows whether it
/// took place: each commit counts in a row of the writer's own, and the server is asked for it, so that callers hear the truth. (The transaction's id would not do: after a crash
/// the server gives those again that it had not written down.)
/// </summary>
internal sealed class PostgresTransaction(NpgsqlDataSource source) : IWriteTransaction, IAsyncDisposable
{
    /// <summary>
    /// What the writer does over rows finds them by key. The planner does not know how few the rows of an array are, nor, when it plans, how large the tables will be: left to
    /// itself it reads whole tables for them, and an outcome's update costs eight times as much. Its plans are made once, not for each batch.
    /// </summary>
    private const string PlansByKey = "SET plan_cache_mode = force_generic_plan; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off; SET jit = off";

    /// <summary>A role or a server may have it off, for others; what is acknowledged here must be on the disk.</summary>
    private const string Durable = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

    /// <summary>Rows of processes that ended without a word.</summary>
    private const string ForgetOld = "DELETE FROM writers WHERE at < now() - interval '30 days'";

    private const string Register = "INSERT INTO writers (id, commits) VALUES ($1, 0)";

    /// <summary>
    /// The count ends unless it went up, in which case the transaction was committed: one that still runs somewhere never will be. A count that ended is no transaction's, so whoever has to
    /// ask again, because the answer was lost, is not told that it was.
    /// </summary>
    private const string EndCount = "UPDATE writers SET commits = -1 WHERE id = $1 AND commits = $2 - 1";

    private const string AskNumber = "SELECT commits FROM writers WHERE id = $1";

    private static readonly TimeSpan AskAgainAfter = TimeSpan.FromMilliseconds(200);

    /// <summary>After that the writer makes itself known again, long before its row is forgotten.</summary>
    private static readonly TimeSpan LongestRest = TimeSpan.FromDays(1);

    // A new one for each connection: what became of the old connection may still hold the old row.
    private string _id = "";
    private NpgsqlConnection? _connection;
    private PostgresSession? _session;
    private long _commits;
    private long _begunAt;
    private bool _committing;
    private bool _wasKept;

    public async Task<WriteSession> Begin()
    {
        _committing = false;
        if (_session is not null && (_connection is not { State: System.Data.ConnectionState.Open } || TimeProvider.System.GetElapsedTime(_begunAt) > LongestRest))
        {
            await Disconnect();
        }
        _begunAt = TimeProvider.System.GetTimestamp();
        _wasKept = _session is not null;
        if (_session is not null)
        {
            _session.Begin(_id, _commits + 1);
            return _session;
        }
        _connection = await source.OpenConnectionAsync();
        await using (var settings = new NpgsqlCommand($"{PostgresDatabase.LetGoSoon}; {PlansByKey}; {Durable}; {ForgetOld}", _connection))
        {
            await settings.ExecuteNonQueryAsync();
        }
        _id = RandomNumberGenerator.GetHexString(32, lowercase: true);
        _commits = 0;
        await using (var register = new NpgsqlCommand(Register, _connection) { Parameters = { new() { Value = _id } } })
        {
            await register.ExecuteNonQueryAsync();
        }
        _session = new PostgresSession(_connection);
        _session.Begin(_id, _commits + 1);
        return _session;
    }

    public async Task Commit()
    {
        if (!_session!.HasBegun)
        {
            if (_session.IsSent)
            {
                throw new InvalidOperationException("The beginning of a transaction failed, and its lanes went on.");
            }
            // What was asked at the beginning may forbid the commit.
            await _session.Flush();
        }
        _committing = true;
        if (await _session.Commit())
        {
            _commits++;
        }
        else
        {
            // Idle for so long that it was forgotten: the next connection makes it known again.
            await Disconnect();
        }
    }

    public async Task<Exception?> Abandon(Exception why, Func<bool> waitInDoubt)
    {
        var isOpen = _connection is { State: System.Data.ConnectionState.Open };
        if (_committing && isOpen && why is not PostgresException)
        {
            // The server alone can say that a commit did not take place.
            await Disconnect();
            return await WasCommitted(waitInDoubt) ? null : PostgresDatabase.Unavailable(why) ?? why;
        }
        if ((PostgresDatabase.Unavailable(why) ?? (isOpen ? null : new StorageUnavailableException("PostgreSQL cannot be reached.", why))) is not { } unavailable)
        {
            await RollBack();
            return PostgresDatabase.IsConflict(why) ? new WriteConflictException("Another node wrote the same at the same time.", why) : why;
        }
        // A kept connection does not outlive a restart of the server. Where nothing had been done yet, a new one may try.
        var mayTryAgain = _wasKept && _session is { HasBegun: false };
        await Disconnect();
        return _committing && await WasCommitted(waitInDoubt) ? null : mayTryAgain ? new WriteConflictException(unavailable.Message, why) : unavailable;
    }

    public ValueTask DisposeAsync() => new(Disconnect());

    private async Task RollBack()
    {
        if (_session is not { IsSent: true })
        {
            if (_session is null)
            {
                await Disconnect();
            }
            return;
        }
        _session.Forget();
        try
        {
            await _session.Prepared("ROLLBACK").Execute();
        }
        catch (NpgsqlException)
        {
            await Disconnect();
        }
    }

    private async Task Disconnect()
    {
        var connection = _connection;
        _connection = null;
        _session?.Dispose();
        _session = null;
        try
        {
            if (connection is not null)
            {
                await connection.CloseAsync();
            }
        }
        catch (Exception e) when (PostgresDatabase.Unavailable(e) is not null)
        {
            // It is gone, and what was under way on it is as much in doubt as before.
        }
    }

    /// <summary>Asks until the server is back and knows, however long that takes: what is in memory rests on the answer.</summary>
    /// <exception cref="InvalidOperationException">Nobody can say any more, so nothing may go on from here.</exception>
    private async Task<bool> WasCommitted(Func<bool> waitInDoubt)
    {
        while (waitInDoubt())
        {
            try
            {
                await using var connection = await source.OpenConnectionAsync();
                await using var take = new NpgsqlCommand(EndCount, connection) { Parameters = { new() { Value = _id }, new() { Value = _commits + 1 } } };
                if (await take.ExecuteNonQueryAsync() == 1)
                {
                    return false;
                }
                await using var ask = new NpgsqlCommand(AskNumber, connection) { Parameters = { new() { Value = _id } } };
                return await ask.ExecuteScalarAsync() is long commits ? commits > _commits
                    : throw new InvalidOperationException("PostgreSQL went away during a commit, and what came back has forgotten whether it took place.");
            }
            catch (NpgsqlException e) when (PostgresDatabase.Unavailable(e) is not null)
            {
                // Not back yet.
            }
            catch (NpgsqlException e)
            {
                throw new InvalidOperationException("PostgreSQL went away during a commit, and what came back does not know whether it took place.", e);
            }
            await Task.Delay(AskAgainAfter, TimeProvider.System);
        }
        throw new InvalidOperationException("PostgreSQL went away during a commit, and is not back to say whether it took place.");
    }
}
