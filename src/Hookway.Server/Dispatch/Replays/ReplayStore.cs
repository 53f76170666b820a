using Dapper;
using Hookway.Storage;

namespace Hookway.Dispatch.Replays;

/// <summary>Every SQL statement about replays.</summary>
public sealed class ReplayStore(Database database)
{
    private const string Select =
        """
        SELECT no, id, kind, filter, matched, created_at, finished_at,
            (SELECT count(*) FROM deliveries d WHERE d.replay_no = replays.no AND d.status = 0) AS pending,
            (SELECT count(*) FROM deliveries d WHERE d.replay_no = replays.no AND d.status = 1) AS succeeded,
            (SELECT count(*) FROM deliveries d WHERE d.replay_no = replays.no AND d.status = 2) AS failed
        FROM replays
        """;

    /// <summary>Adds a replay in the transaction that reopens its deliveries; answers its number.</summary>
    public static Task<long> Insert(WriteSession session, long workspaceNo, string id, string kind, string filter, int matched, DateTimeOffset now) =>
        session.Connection.ExecuteScalarAsync<long>(
            """
            INSERT INTO replays (id, workspace_no, kind, filter, matched, created_at) VALUES (@id, @workspaceNo, @kind, @filter, @matched, @now) RETURNING no
            """, new { id, workspaceNo, kind, filter, matched, now = now.ToUnixTimeMilliseconds() });

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
        public int Pending { get; init; }
        public int Succeeded { get; init; }
        public int Failed { get; init; }
        public long CreatedAt { get; init; }
        public long? FinishedAt { get; init; }

        public Replay ToReplay() => new(No, Id, Kind, Filter, Matched, Pending, Succeeded, Failed, Stored.Time(CreatedAt), Stored.Time(FinishedAt));
    }
}
