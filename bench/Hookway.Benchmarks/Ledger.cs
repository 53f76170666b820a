using System.Diagnostics;
using Microsoft.Data.Sqlite;

namespace Hookway.Benchmarks;

/// <summary>
/// The books of a server under test: for each phase, what the generator sent, what the server's own store holds and what the receiver counted must agree to the
/// last message. The store is read from its file, read-only, because that is exact.
/// </summary>
public sealed class Ledger(string file, MessageLog log, Receiver receiver)
{
    private static readonly TimeSpan DrainPatience = TimeSpan.FromSeconds(60);

    private readonly string _connectionString =
        new SqliteConnectionStringBuilder { DataSource = file, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString();

    private (long Message, long Attempt) _before;
    private (int Checked, int Wrong) _signaturesBefore;

    /// <summary>Begins a phase: what is in the store now is not its own.</summary>
    public void Begin()
    {
        log.Begin();
        using var connection = Open();
        _before = (Number(connection, "SELECT coalesce(max(seq), 0) FROM messages"), Number(connection, "SELECT coalesce(max(seq), 0) FROM attempts"));
        _signaturesBefore = (receiver.SignaturesChecked, receiver.SignaturesWrong);
    }

    /// <summary>Waits until nothing is pending any more, a minute at most; answers how long that took.</summary>
    public async Task<TimeSpan> Drain()
    {
        var start = Stopwatch.GetTimestamp();
        using var connection = Open();
        while (Number(connection, "SELECT EXISTS (SELECT 1 FROM deliveries WHERE status = 0)") > 0 && Stopwatch.GetElapsedTime(start) < DrainPatience)
        {
            await Task.Delay(20);
        }
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Balances the books of the phase.</summary>
    /// <param name="delivers">Whether each message had one delivery, or none.</param>
    public LedgerEntry Close(string phase, bool delivers)
    {
        using var connection = Open();
        long Deliveries(int status) =>
            Number(connection, $"SELECT count(*) FROM deliveries WHERE message_seq > {_before.Message} AND status = {status}");

        return new LedgerEntry
        {
            Phase = phase,
            Delivers = delivers,
            Sent = log.Acknowledged,
            Refused = log.Refused,
            Unanswered = log.Unanswered,
            Stored = Number(connection, $"SELECT count(*) FROM messages WHERE seq > {_before.Message}"),
            Pending = Deliveries(0),
            Succeeded = Deliveries(1),
            Failed = Deliveries(2),
            Canceled = Deliveries(3),
            Attempts = Number(connection, $"SELECT count(*) FROM attempts WHERE seq > {_before.Attempt}"),
            Received = log.Delivered,
            Duplicates = log.Duplicates,
            Strays = log.Strays,
            WrongIds = log.WrongIds,
            SignaturesChecked = receiver.SignaturesChecked - _signaturesBefore.Checked,
            SignaturesWrong = receiver.SignaturesWrong - _signaturesBefore.Wrong,
        };
    }

    private SqliteConnection Open()
    {
        var connection = new SqliteConnection(_connectionString);
        connection.Open();
        return connection;
    }

    private static long Number(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return (long)command.ExecuteScalar()!;
    }
}

/// <summary>The books of one phase.</summary>
public sealed record LedgerEntry
{
    public required string Phase { get; init; }

    /// <summary>Whether each message had one delivery, or none.</summary>
    public required bool Delivers { get; init; }

    /// <summary>Acknowledged with 202.</summary>
    public required long Sent { get; init; }

    public required long Refused { get; init; }
    public required long Unanswered { get; init; }

    /// <summary>Messages in the server's store.</summary>
    public required long Stored { get; init; }

    public required long Pending { get; init; }
    public required long Succeeded { get; init; }
    public required long Failed { get; init; }
    public required long Canceled { get; init; }
    public required long Attempts { get; init; }

    /// <summary>Different messages at the receiver.</summary>
    public required long Received { get; init; }

    /// <summary>Requests at the receiver beyond the first of each message.</summary>
    public required long Duplicates { get; init; }

    /// <summary>Requests at the receiver that belong to no message of the phase.</summary>
    public required long Strays { get; init; }

    /// <summary>Messages whose <c>webhook-id</c> at the receiver is not the id in their 202.</summary>
    public required long WrongIds { get; init; }

    public required long SignaturesChecked { get; init; }
    public required long SignaturesWrong { get; init; }

    public bool Balances =>
        Sent > 0 && Unanswered == 0
        && Stored == Sent
        && Succeeded + Failed + Pending + Canceled == (Delivers ? Sent : 0)
        && Canceled == 0
        && Received >= Succeeded && Received <= Succeeded + Failed + Pending
        && Attempts >= Succeeded
        && Strays == 0 && WrongIds == 0 && SignaturesWrong == 0;
}
