using Npgsql;

namespace Hookway.Storage;

/// <summary>
/// The claim of one server on a PostgreSQL store: an advisory lock on a connection of its own. The lock goes with the connection, so the claim is watched, and made again after
/// the server was away; when another has it by then, this one must stop.
/// </summary>
internal sealed class PostgresClaim : IAsyncDisposable
{
    private const long Key = 0x686f6f6b776180;
    private const int MostLooks = 20;
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromSeconds(1);
    private const int LookSeconds = 2;
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);

    private readonly NpgsqlDataSource _source;
    private readonly Action _lost;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watch;
    private NpgsqlConnection? _connection;

    private PostgresClaim(NpgsqlDataSource source, NpgsqlConnection connection, Action lost)
    {
        _source = source;
        _connection = connection;
        _lost = lost;
        _watch = Task.Run(Watch);
    }

    /// <exception cref="InvalidOperationException">Another server has the store.</exception>
    public static async Task<PostgresClaim> Make(NpgsqlDataSource source, Action lost)
    {
        var connection = await source.OpenConnectionAsync();
        for (var look = 0; look < MostLooks; look++)
        {
            if (await TryLock(connection))
            {
                return new PostgresClaim(source, connection, lost);
            }
            // The connection of a server that was just killed, or cut off, may not have been noticed yet.
            await Task.Delay(LookAgainAfter, TimeProvider.System);
        }
        await connection.DisposeAsync();
        throw new InvalidOperationException("Another Hookway server is running on this database.");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watch;
        await Drop();
        _stop.Dispose();
    }

    private async Task Watch()
    {
        using var timer = new PeriodicTimer(LookEvery);
        var refusals = 0;
        while (await Ticks(timer))
        {
            try
            {
                if (_connection is not null && refusals == 0)
                {
                    await using var look = new NpgsqlCommand("SELECT 1", _connection) { CommandTimeout = LookSeconds };
                    await look.ExecuteScalarAsync(_stop.Token);
                    continue;
                }
                _connection ??= await _source.OpenConnectionAsync(_stop.Token);
                // It may be our own connection of before that still has the lock; the server lets go of it within seconds.
                refusals = await TryLock(_connection) ? 0 : refusals + 1;
                if (refusals > MostLooks)
                {
                    _lost();
                    return;
                }
            }
            catch (Exception e) when (e is NpgsqlException or InvalidOperationException or OperationCanceledException)
            {
                // Broken, or closed by Npgsql's own keepalive: made anew at the next tick.
                await Drop();
            }
        }
    }

    private async Task<bool> Ticks(PeriodicTimer timer)
    {
        try
        {
            return await timer.WaitForNextTickAsync(_stop.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private async Task Drop()
    {
        var connection = _connection;
        _connection = null;
        if (connection is not null)
        {
            await connection.CloseAsync();
            await connection.DisposeAsync();
        }
    }

    private static async Task<bool> TryLock(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand($"{PostgresDatabase.LetGoSoon}; SELECT pg_try_advisory_lock({Key})", connection) { CommandTimeout = LookSeconds };
        return (bool)(await command.ExecuteScalarAsync())!;
    }
}
