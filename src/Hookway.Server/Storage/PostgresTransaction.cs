using Npgsql;

namespace Hookway.Storage;

/// <summary>
/// The writer's transactions on PostgreSQL, on a connection that is made again when it is lost. When the connection breaks during a commit, nobody knows whether it
/// took place: the transaction's id is remembered and the server is asked, so that callers hear the truth.
/// </summary>
internal sealed class PostgresTransaction(NpgsqlDataSource source) : IWriteTransaction, IAsyncDisposable
{
    private static readonly TimeSpan AskAgainAfter = TimeSpan.FromMilliseconds(200);
    private const int MostQuestions = 50;

    private NpgsqlConnection? _connection;
    private PostgresSession? _session;
    private string? _id;
    private bool _committing;

    public async Task<WriteSession> Begin()
    {
        if (_session is null)
        {
            _connection = await source.OpenConnectionAsync();
            _session = new PostgresSession(_connection);
        }
        _committing = false;
        _id = null;
        await _session.Prepared("BEGIN").Execute();
        _id = (string?)await _session.Prepared("SELECT pg_current_xact_id()::text").Scalar();
        return _session;
    }

    public async Task Commit()
    {
        _committing = true;
        await _session!.Prepared("COMMIT").Execute();
    }

    public async Task<Exception?> Abandon(Exception why)
    {
        if (PostgresDatabase.Unavailable(why) is not { } unavailable)
        {
            await RollBack();
            return why;
        }
        await Disconnect();
        return _committing && await WasCommitted() ? null : unavailable;
    }

    public ValueTask DisposeAsync() => new(Disconnect());

    private async Task RollBack()
    {
        if (_session is null)
        {
            return;
        }
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
        _session = null;
        if (connection is not null)
        {
            await connection.CloseAsync();
        }
    }

    /// <summary>Asks until the server is back and knows; gives up after a while, when the answer is that it could not be made sure.</summary>
    private async Task<bool> WasCommitted()
    {
        for (var question = 0; question < MostQuestions; question++)
        {
            try
            {
                await using var connection = await source.OpenConnectionAsync();
                await using var command = new NpgsqlCommand("SELECT pg_xact_status($1::text::xid8)", connection) { Parameters = { new() { Value = _id } } };
                switch (await command.ExecuteScalarAsync() as string)
                {
                    case "committed": return true;
                    case "aborted": return false;
                    default: break;
                }
            }
            catch (NpgsqlException)
            {
                // Not back yet.
            }
            await Task.Delay(AskAgainAfter, TimeProvider.System);
        }
        return false;
    }
}
