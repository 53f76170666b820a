using System.Text;
using System.Threading.Channels;
using Npgsql;

namespace Hookway.Storage;

/// <summary>
/// Signals over LISTEN and NOTIFY. Not sent in the transactions that they tell of: PostgreSQL lets transactions that notify commit one after the other. What waits is sent
/// together.
/// </summary>
internal sealed class PostgresSignals(NpgsqlDataSource source) : NodeSignals
{
    private const string Channel = "hookway";

    /// <summary>PostgreSQL takes less than 8,000 bytes.</summary>
    private const int MostBytes = 7_900;
    private const int MostWaiting = 10_000;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(10);

    private readonly Channel<string> _lines = System.Threading.Channels.Channel.CreateBounded<string>(
        new BoundedChannelOptions(MostWaiting) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
    private readonly CancellationTokenSource _stop = new();
    private Task _loops = Task.CompletedTask;

    public override void Start() => _loops = Task.WhenAll(Keep(Listen), Keep(Send));

    public override void Send(string line)
    {
        if (Encoding.UTF8.GetByteCount(line) <= MostBytes)
        {
            _lines.Writer.TryWrite(line);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loops;
        _stop.Dispose();
    }

    private async Task Keep(Func<NpgsqlConnection, Task> work)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await using var connection = await source.OpenConnectionAsync(_stop.Token);
                await work(connection);
            }
            catch (Exception e) when (e is OperationCanceledException or InvalidOperationException or NpgsqlException || PostgresDatabase.Unavailable(e) is not null)
            {
                // The store is away or had enough of it, or the server stops. Whatever it was, nodes that do not hear of each other look once a second.
            }
            try
            {
                await Task.Delay(Pause, TimeProvider.System, _stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task Listen(NpgsqlConnection connection)
    {
        connection.Notification += (_, signal) => Receive(signal.Payload);
        await Execute(connection, $"LISTEN {Channel}");
        Receive("");
        try
        {
            while (true)
            {
                if (!await connection.WaitAsync(LongestSilence, _stop.Token))
                {
                    // A connection that was cut without a word is found out by using it.
                    await Execute(connection, "SELECT 1");
                }
            }
        }
        finally
        {
            // It goes back to a pool whose other users must not be woken.
            await connection.CloseAsync();
            NpgsqlConnection.ClearPool(connection);
        }
    }

    private async Task Send(NpgsqlConnection connection)
    {
        // Nothing that is worth waiting for the disk.
        await Execute(connection, "SET synchronous_commit = off");
        await using var notify = new NpgsqlCommand($"SELECT pg_notify('{Channel}', $1)", connection) { Parameters = { new() } };
        while (await _lines.Reader.WaitToReadAsync(_stop.Token))
        {
            var text = new StringBuilder();
            while (_lines.Reader.TryPeek(out var line) && text.Length + line.Length < MostBytes && _lines.Reader.TryRead(out line))
            {
                text.Append(text.Length == 0 ? "" : "\n").Append(line);
            }
            notify.Parameters[0].Value = text.ToString();
            await notify.ExecuteNonQueryAsync(_stop.Token);
        }
    }

    private async Task Execute(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 5 };
        await command.ExecuteNonQueryAsync(_stop.Token);
    }
}
