using System.Data.Common;
using Dapper;
using Hookway.Storage;

namespace Hookway.Deliveries.Replays;

/// <summary>Every SQL statement about replays, but for their counts (<see cref="ReplayProgress"/>).</summary>
public sealed class ReplayStore(Database database, ReadBounds bounds)
{
    private const int MostDriven = 1_000;

    private const string Select =
        """
        SELECT no, id, kind, filter, target_no, state, reason, matched, queued, skipped, succeeded, failed, canceled, walk_after, walk_last, created_at, finished_at, workspace_no
        FROM replays
        """;

    // A driver that has not been heard of for a while is taken for dead.
    private const string MayDrive = "(driver = @driver OR driven_until IS NULL OR driven_until < @now)";

    /// <summary>Adds a replay that has its walk before it.</summary>
    public static Task<long> Insert(WriteSession session, NewReplay replay, DateTimeOffset now) => Insert(session, replay, ReplayState.Walking, 0, now);

    /// <summary>Adds a replay without a walk, in the transaction that opens all that it is for.</summary>
    public static async Task<long> InsertQueued(WriteSession session, NewReplay replay, int queued, DateTimeOffset now) =>
        await Insert(session, replay, ReplayState.Delivering, queued, now);

    private static Task<long> Insert(WriteSession session, NewReplay replay, ReplayState state, int queued, DateTimeOffset now) =>
        session.Connection.ExecuteScalarAsync<long>(
            """
            INSERT INTO replays (id, workspace_no, kind, filter, owner_id, target_id, target_no, recipient, state, matched, queued, walk_after, walk_last, created_at)
            VALUES (@ReplayId, @WorkspaceNo, @Kind, @Filter, @OwnerId, @TargetId, @TargetNo, @Recipient, @state, @queued, @queued, @WalkAfter, @WalkLast, @now) RETURNING no
            """,
            new
            {
                replay.ReplayId, replay.WorkspaceNo, replay.Kind, replay.Filter, replay.OwnerId, replay.TargetId, replay.TargetNo, replay.Recipient, state = (int)state, queued,
                replay.WalkAfter, replay.WalkLast, now = now.ToUnixTimeMilliseconds(),
            });

    public Task<Replay?> Find(ReplayScope scope, string replayId) => database.Read(connection => Find(connection, scope, replayId));

    /// <summary>The same, read inside a transaction.</summary>
    public static async Task<Replay?> Find(DbConnection connection, ReplayScope scope, string replayId)
    {
        var values = new DynamicParameters(scope.Values);
        values.Add("replayId", replayId);
        return (await connection.QuerySingleOrDefaultAsync<ReplayRow>($"{Select} WHERE id = @replayId AND workspace_no = @workspaceNo{scope.And}", values))?.ToReplay();
    }

    /// <summary>The replays of a workspace, newest first; of those that a filter looks at in vain, a bounded number.</summary>
    public Task<Found<Replay>> List(ReplayScope scope, ReplayFilter filter, long before, int limit) => database.Read(async connection =>
    {
        var conditions = scope.And + (filter.Kind is null ? "" : " AND kind = @Kind")
            + (filter.Status is null ? "" : $" AND state IN {Stored.List(Replay.Statuses[filter.Status].Select(state => (long)state))}")
            + (filter.OwnerId is null ? "" : " AND owner_id = @OwnerId")
            + (filter.TargetId is null ? "" : " AND target_id = @TargetId")
            + (filter.Since is null ? "" : " AND created_at >= @Since")
            + (filter.Until is null ? "" : " AND created_at < @Until");
        var stopAt = conditions.Length == 0 ? null : await connection.ExecuteScalarAsync<long?>(
            "SELECT no FROM replays WHERE workspace_no = @workspaceNo AND no < @before ORDER BY no DESC LIMIT 1 OFFSET @most",
            new { workspaceNo = scope.WorkspaceNo, before, most = bounds.Rows - 1 });
        var values = new DynamicParameters(scope.Values);
        values.AddDynamicParams(new { from = stopAt ?? 0, before, filter.Kind, filter.OwnerId, filter.TargetId, filter.Since, filter.Until, limit });
        var rows = await connection.QueryAsync<ReplayRow>(
            $"{Select} WHERE workspace_no = @workspaceNo AND no >= @from AND no < @before{conditions} ORDER BY no DESC LIMIT @limit", values);
        var found = rows.Select(row => row.ToReplay()).ToList();
        return new Found<Replay>(found, found.Count < limit ? stopAt : null);
    });

    /// <summary>The replays that walk or are being canceled, but for those that another driver leads.</summary>
    public Task<List<Replay>> ToDrive(string driver, DateTimeOffset now) => database.Read(async connection =>
        (await connection.QueryAsync<ReplayRow>(
            $"{Select} WHERE state IN (0, 4) AND {MayDrive} ORDER BY no LIMIT {MostDriven}",
            new { driver, now = now.ToUnixTimeMilliseconds() })).Select(row => row.ToReplay()).ToList());

    /// <summary>Whether a replay is still as a driver read it, and the driver's to lead.</summary>
    public static async Task<bool> IsUnchanged(WriteSession session, Replay replay, string driver, DateTimeOffset now) =>
        await session.Connection.ExecuteScalarAsync<long?>(
            $"SELECT 1 FROM replays WHERE no = @No AND state = @state AND walk_after = @WalkAfter AND {MayDrive}",
            new { replay.No, state = (int)replay.State, replay.WalkAfter, driver, now = now.ToUnixTimeMilliseconds() }) is not null;

    /// <summary>Moves a walk on, unless it has been moved since it was read; answers whether it did.</summary>
    public static async Task<bool> Advance(
        WriteSession session, Replay replay, ReplayBatch batch, int queued, string driver, DateTimeOffset drivenUntil, DateTimeOffset now)
    {
        var moved = await session.Connection.ExecuteAsync(
            $"""
            UPDATE replays SET walk_after = @WalkedTo, matched = matched + @queued + @Skipped, queued = queued + @queued, skipped = skipped + @Skipped,
                state = @next, driver = @driver, driven_until = @until
            WHERE no = @No AND state = @state AND walk_after = @WalkAfter AND {MayDrive}
            """,
            new
            {
                batch.WalkedTo, queued, batch.Skipped, next = (int)(batch.IsLast ? ReplayState.Delivering : ReplayState.Walking), driver,
                until = drivenUntil.ToUnixTimeMilliseconds(), replay.No, state = (int)replay.State, replay.WalkAfter, now = now.ToUnixTimeMilliseconds(),
            });
        if (moved > 0 && batch.IsLast)
        {
            await ReplayProgress.Settle(session, replay.No, now);
        }
        return moved > 0;
    }

    /// <summary>Leads a replay on while there is nothing to do for it.</summary>
    public static Task KeepDriving(WriteSession session, Replay replay, string driver, DateTimeOffset until, DateTimeOffset now) =>
        session.Connection.ExecuteAsync(
            $"UPDATE replays SET driver = @driver, driven_until = @until WHERE no = @No AND {MayDrive}",
            new { replay.No, driver, until = until.ToUnixTimeMilliseconds(), now = now.ToUnixTimeMilliseconds() });

    /// <summary>Lets go of what a driver leads, so that the next need not wait.</summary>
    public Task LetGo(string driver) => database.Write(session => session.Connection.ExecuteAsync(
        "UPDATE replays SET driver = NULL, driven_until = NULL WHERE state IN (0, 4) AND driver = @driver", new { driver }));

    /// <summary>Ends a walk that cannot go on.</summary>
    public static async Task Fail(WriteSession session, Replay replay, string reason, DateTimeOffset now)
    {
        await session.Connection.ExecuteAsync(
            "UPDATE replays SET state = @failed, reason = @reason WHERE no = @No AND state = @walking",
            new { failed = (int)ReplayState.Failed, reason, replay.No, walking = (int)ReplayState.Walking });
        await ReplayProgress.Settle(session, replay.No, now);
    }

    /// <summary>Stops a replay: nothing more is queued for it. False when it is over.</summary>
    public static async Task<bool> BeginToCancel(WriteSession session, Replay replay) => await session.Connection.ExecuteAsync(
        "UPDATE replays SET state = @canceling WHERE no = @No AND state IN (0, 1)", new { canceling = (int)ReplayState.Canceling, replay.No }) > 0;

    /// <summary>Removes a workspace's oldest replays that were over before a time; answers how many. One that is older and still runs stays.</summary>
    public static Task<int> RemoveSome(WriteSession session, long workspaceNo, DateTimeOffset before, int most) => session.Connection.ExecuteAsync(
        """
        DELETE FROM replays WHERE no IN (
            SELECT no FROM (SELECT no, finished_at FROM replays WHERE workspace_no = @workspaceNo ORDER BY no LIMIT @most) AS oldest WHERE finished_at < @before)
        """, new { workspaceNo, before = before.ToUnixTimeMilliseconds(), most });

    private sealed record ReplayRow
    {
        public long No { get; init; }
        public string Id { get; init; } = "";
        public string Kind { get; init; } = "";
        public string Filter { get; init; } = "";
        public long? TargetNo { get; init; }
        public int State { get; init; }
        public string? Reason { get; init; }
        public int Matched { get; init; }
        public int Queued { get; init; }
        public int Skipped { get; init; }
        public int Succeeded { get; init; }
        public int Failed { get; init; }
        public int Canceled { get; init; }
        public long WalkAfter { get; init; }
        public long WalkLast { get; init; }
        public long CreatedAt { get; init; }
        public long? FinishedAt { get; init; }
        public long WorkspaceNo { get; init; }

        public Replay ToReplay() => new(
            No, Id, Kind, Filter, TargetNo, (ReplayState)State, Reason, Matched, Queued, Skipped, Succeeded, Failed, Canceled, WalkAfter, WalkLast,
            Stored.Time(CreatedAt), Stored.Time(FinishedAt)) { WorkspaceNo = WorkspaceNo };
    }
}
