using System.Data.Common;
using Dapper;
using Hookway.Storage;

namespace Hookway.Issues;

/// <summary>Every SQL statement about what was noted of deliveries and is to become issues.</summary>
public static class DeliverySignalStore
{
    private const int AttemptsLookedAt = 200;

    private static readonly RowStatement<DeliverySignal> InsertStatement = new RowStatement<DeliverySignal>(
        """
        INSERT INTO delivery_signals (target_no, error, response_status, is_down, times, first_at, last_at, items, reason)
        SELECT v.target, v.error, v.status, v.down, v.times, v.first, v.last, v.items, v.reason FROM {rows}
        """)
        .Number("target", row => row.TargetNo).Text("error", row => row.Error).Number("status", row => row.ResponseStatus).Number("down", row => Stored.Flag(row.IsDown))
        .Number("times", row => row.Times).Number("first", row => row.FirstAt.ToUnixTimeMilliseconds()).Number("last", row => row.LastAt.ToUnixTimeMilliseconds())
        .Text("items", row => row.ItemText).Text("reason", row => row.Reason);

    public static Task Add(WriteSession session, IReadOnlyList<DeliverySignal> signals) => session.ForEach(InsertStatement, signals);

    /// <summary>The first that were noted.</summary>
    public static async Task<List<DeliverySignal>> Read(DbConnection connection, int most) => (await connection.QueryAsync<SignalRow>(
        "SELECT seq, target_no, error, response_status, is_down, times, first_at, last_at, items, reason FROM delivery_signals ORDER BY seq LIMIT @most", new { most }))
        .Select(row => row.ToSignal()).ToList();

    /// <summary>Removes what was read; false when somebody else did so meanwhile.</summary>
    public static async Task<bool> Remove(WriteSession session, IReadOnlyCollection<DeliverySignal> read) =>
        await session.Connection.ExecuteAsync($"DELETE FROM delivery_signals WHERE seq IN {Stored.List(read.Select(signal => signal.Seq))}") == read.Count;

    /// <summary>Whether what failed last at a target were its only attempts until then, or the last several of them.</summary>
    public static async Task<bool> FailsAlone(DbConnection connection, long targetNo, DateTimeOffset until)
    {
        var latest = (await connection.QueryAsync<string?>(
            """
            SELECT error FROM (SELECT seq, error, started_at FROM attempts WHERE target_no = @targetNo ORDER BY seq DESC LIMIT @most) AS latest
            WHERE started_at <= @until ORDER BY seq DESC
            """, new { targetNo, most = AttemptsLookedAt, until = until.ToUnixTimeMilliseconds() })).AsList();
        var inARow = latest.TakeWhile(error => error is not null).Count();
        return inARow == latest.Count || inARow >= 2;
    }

    private sealed record SignalRow
    {
        public long Seq { get; init; }
        public long TargetNo { get; init; }
        public string? Error { get; init; }
        public long? ResponseStatus { get; init; }
        public long IsDown { get; init; }
        public long Times { get; init; }
        public long FirstAt { get; init; }
        public long LastAt { get; init; }
        public string Items { get; init; } = "";
        public string? Reason { get; init; }

        public DeliverySignal ToSignal() => new(
            Seq, TargetNo, Error, (int?)ResponseStatus, IsDown != 0, (int)Times, Stored.Time(FirstAt), Stored.Time(LastAt), DeliverySignal.ReadItems(Items), Reason);
    }
}
