using Npgsql;

namespace Hookway.Storage;

/// <summary>
/// The writer's transactions on PostgreSQL, on a connection that is made again when it is lost. When the connection breaks during a commit, nobody knows whether it
/// took place: the transaction's id is remembered and the server is asked, so that callers hear the truth.
/// </summary>
internal sealed class PostgresTransaction(NpgsqlDataSource source) : IWriteTransaction, IAsyncDisposable
{
    /// <summary>
    /// What the writer does over rows finds them by key. The planner does not know how few the rows of an array are, nor, when it plans, how large the tables will be: left to
    /// itself it reads whole tables for them, and an outcome's update costs eight times as much. Its plans are made once, not for each batch.
    /// </summary>
    private const string PlansByKey = "SET plan_cache_mode = force_generic_plan; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off; SET jit = off";

    private static readonly TimeSpan AskAgainAfter = TimeSpan.FromMilliseconds(200);

    private NpgsqlConnection? _connection;
    private PostgresSession? _session;
    private string? _id;
    private bool _committing;

    public async Task<WriteSession> Begin()
    {
        _committing = false;
        _id = null;
        if (_session is not null)
        {
            try
            {
                return await BeginOn(_session);
            }
            catch (Exception e) when (e is NpgsqlException or InvalidOperationException)
            {
                // The kept connection did not outlive a restart of the server. Nothing has been done yet, so a new one may try.
                await Disconnect();
            }
        }
        _connection = await source.OpenConnectionAsync();
        await using (var settings = new NpgsqlCommand($"{PostgresDatabase.LetGoSoon}; {PlansByKey}", _connection))
        {
            await settings.ExecuteNonQueryAsync();
        }
        _session = new PostgresSession(_connection);
        return await BeginOn(_session);
    }

    public async Task Commit()
    {
        _committing = true;
        await _session!.Commit();
    }

    public async Task<Exception?> Abandon(Exception why, Func<bool> waitInDoubt)
    {
        var isOpen = _connection is { State: System.Data.ConnectionState.Open };
        if ((PostgresDatabase.Unavailable(why) ?? (isOpen ? null : new StorageUnavailableException("PostgreSQL cannot be reached.", why))) is not { } unavailable)
        {
            await RollBack();
            return PostgresDatabase.IsConflict(why) ? new WriteConflictException("Another node wrote the same at the same time.", why) : why;
        }
        await Disconnect();
        return _committing && await WasCommitted(waitInDoubt) ? null : unavailable;
    }

    public ValueTask DisposeAsync() => new(Disconnect());

    private async Task RollBack()
    {
        if (_session is null)
        {
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
        if (connection is not null)
        {
            await connection.CloseAsync();
        }
    }

    private async Task<WriteSession> BeginOn(PostgresSession session)
    {
        _id = (string?)await session.Prepared("BEGIN; SELECT pg_current_xact_id()::text").Scalar();
        return session;
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
                await using var command = new NpgsqlCommand("SELECT pg_xact_status($1::text::xid8)", connection) { Parameters = { new() { Value = _id } } };
                switch (await command.ExecuteScalarAsync() as string)
                {
                    case "committed": return true;
                    case "aborted": return false;
                    case "in progress": break;
                    default: throw new InvalidOperationException("PostgreSQL went away during a commit, and what came back has forgotten whether it took place.");
                }
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
