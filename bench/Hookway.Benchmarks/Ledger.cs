using System.Data.Common;
using System.Diagnostics;

namespace Hookway.Benchmarks;

/// <summary>
/// The books of a subject: for each phase, what the generator sent, what the subject's own store holds and what the receiver counted must agree to the last message.
/// </summary>
/// <param name="store">Opens the store that is read to balance the books; null where there is none to read: then every message must have been received.</param>
public sealed class Ledger(Func<DbConnection>? store, MessageLog log, Receiver receiver)
{
    private static readonly TimeSpan DrainPatience = TimeSpan.FromSeconds(60);

    private (long Message, long Attempt) _before;
    private (int Checked, int Wrong) _signaturesBefore;

    /// <summary>Begins a phase: what is in the store now is not its own.</summary>
    public void Begin()
    {
        log.Begin();
        _signaturesBefore = (receiver.SignaturesChecked, receiver.SignaturesWrong);
        using var connection = Open();
        _before = (Number(connection, "SELECT coalesce(max(seq), 0) FROM messages"), Number(connection, "SELECT coalesce(max(seq), 0) FROM attempts"));
    }

    /// <summary>Waits until nothing of the phase is pending any more, a minute at most; answers how long that took.</summary>
    /// <param name="isAlone">Whether nothing else is pending in the store; else what was received counts as over.</param>
    public async Task<TimeSpan> Drain(bool isAlone = true)
    {
        var start = Stopwatch.GetTimestamp();
        using var connection = Open();
        var pending = $"SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE status = 0 AND +message_seq > {_before.Message} LIMIT 1) AS x";
        // The sign keeps both stores from looking for it by message: few are pending, and there is an index of them.
        while ((connection is null || !isAlone ? log.Delivered < log.Acknowledged : Number(connection, pending) > 0) && Stopwatch.GetElapsedTime(start) < DrainPatience)
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
            HasStore = connection is not null,
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

    private DbConnection? Open()
    {
        var connection = store?.Invoke();
        connection?.Open();
        return connection;
    }

    private static long Number(DbConnection? connection, string sql)
    {
        if (connection is null)
        {
            return 0;
        }
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.CommandTimeout = 0;
        return (long)command.ExecuteScalar()!;
    }
}

/// <summary>The books of one phase.</summary>
public sealed record LedgerEntry
{
    public required string Phase { get; init; }

    /// <summary>Whether each message had one delivery, or none.</summary>
    public required bool Delivers { get; init; }

    /// <summary>Whether the subject's store was read.</summary>
    public required bool HasStore { get; init; }

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
        Sent > 0 && Unanswered == 0 && Strays == 0 && WrongIds == 0 && SignaturesWrong == 0
        && (HasStore ? StoreBalances : Received == (Delivers ? Sent : 0));

    private bool StoreBalances =>
        Stored == Sent
        && Succeeded + Failed + Pending + Canceled == (Delivers ? Sent : 0)
        && Canceled == 0
        && Received >= Succeeded && Received <= Succeeded + Failed + Pending
        && Attempts >= Succeeded;
}
