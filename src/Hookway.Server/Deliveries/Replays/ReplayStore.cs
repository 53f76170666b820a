using Dapper;
using Hookway.Storage;

namespace Hookway.Deliveries.Replays;

/// <summary>Every SQL statement about replays.</summary>
public sealed class ReplayStore(Database database)
{
    private const string Select =
        """
        SELECT no, id, kind, filter, matched, succeeded, failed, canceled, created_at, finished_at FROM replays
        """;

    /// <summary>Adds a replay in the transaction that reopens its deliveries; answers its number.</summary>
    public static Task<long> Insert(WriteSession session, long workspaceNo, string id, string kind, string filter, int matched, DateTimeOffset now) =>
        session.Connection.ExecuteScalarAsync<long>(
            """
            INSERT INTO replays (id, workspace_no, kind, filter, matched, created_at, finished_at)
            VALUES (@id, @workspaceNo, @kind, @filter, @matched, @now, @finished) RETURNING no
            """,
            new { id, workspaceNo, kind, filter, matched, now = now.ToUnixTimeMilliseconds(), finished = matched == 0 ? now.ToUnixTimeMilliseconds() : (long?)null });

    public Task<Replay?> Find(long workspaceNo, string replayId) => database.Read(async connection =>
        (await connection.QuerySingleOrDefaultAsync<ReplayRow>(
            $"{Select} WHERE id = @replayId AND workspace_no = @workspaceNo", new { replayId, workspaceNo }))?.ToReplay());

    public Task<List<Replay>> List(long workspaceNo, long before, int limit) => database.Read(async connection =>
        (await connection.QueryAsync<ReplayRow>(
            $"{Select} WHERE workspace_no = @workspaceNo AND no < @before ORDER BY no DESC LIMIT @limit",
            new { workspaceNo, before, limit })).Select(row => row.ToReplay()).ToList());

    private sealed record ReplayRow
    {
        public long No { get; init; }
        public string Id { get; init; } = "";
        public string Kind { get; init; } = "";
        public string Filter { get; init; } = "";
        public int Matched { get; init; }
        public int Succeeded { get; init; }
        public int Failed { get; init; }
        public int Canceled { get; init; }
        public long CreatedAt { get; init; }
        public long? FinishedAt { get; init; }

        public Replay ToReplay() => new(No, Id, Kind, Filter, Matched, Succeeded, Failed, Canceled, Stored.Time(CreatedAt), Stored.Time(FinishedAt));
    }
}
