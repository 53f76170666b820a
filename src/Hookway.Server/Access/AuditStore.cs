using Dapper;
using Hookway.Storage;

namespace Hookway.Access;

/// <summary>Every SQL statement that reads the audit log or removes of it; it is written by <see cref="Configuration"/>, with the changes.</summary>
public sealed class AuditStore(Database database)
{
    private static readonly RowStatement ForgetStatement = new(
        "UPDATE audit_log SET old_value = NULL, new_value = NULL FROM {rows} WHERE audit_log.workspace_no = v.workspace AND audit_log.object = v.object",
        RowStatement.Number("workspace"), RowStatement.Text("object"));

    /// <summary>Entries newest first.</summary>
    /// <param name="since">Unix milliseconds, inclusive.</param>
    /// <param name="after">The last entry already seen.</param>
    public Task<List<AuditRecord>> List(long workspaceNo, long? since, string? actor, string? of, long? after, int limit) => database.Read(async connection =>
    {
        var lastAt = after is null ? null : await connection.ExecuteScalarAsync<long?>(
            "SELECT at FROM audit_log WHERE seq = @after AND workspace_no = @workspaceNo", new { after, workspaceNo });
        // An object has fewer entries than an actor: where both are asked for, its index is the one to read.
        var where = "WHERE workspace_no = @workspaceNo"
            + (of is null ? "" : " AND object = @of")
            + (actor is null ? "" : of is null ? " AND actor = @actor" : " AND coalesce(actor, '') = @actor")
            + (since is null ? "" : " AND at >= @since")
            + (lastAt is null ? "" : " AND (at, seq) < (@lastAt, @after)");
        return (await connection.QueryAsync<AuditRow>(
            $"SELECT seq, at, actor, actor_name, action, object, old_value, new_value, request_id FROM audit_log {where} ORDER BY at DESC, seq DESC LIMIT @limit",
            new { workspaceNo, since, actor, of, lastAt, after, limit })).Select(row => row.ToRecord()).ToList();
    });

    /// <summary>Erases what the log tells of some objects' contents; who changed them, and when, stays.</summary>
    public static Task Forget(WriteSession session, long workspaceNo, IEnumerable<string> objects) =>
        session.ForEach(ForgetStatement, [.. objects.Select(of => new object?[] { workspaceNo, of })]);

    /// <summary>Removes a workspace's oldest entries from before a time; answers how many.</summary>
    public static Task<int> RemoveSome(WriteSession session, long workspaceNo, DateTimeOffset before, int most) => session.Connection.ExecuteAsync(
        "DELETE FROM audit_log WHERE seq IN (SELECT seq FROM audit_log WHERE workspace_no = @workspaceNo AND at < @before ORDER BY at, seq LIMIT @most)",
        new { workspaceNo, before = before.ToUnixTimeMilliseconds(), most });

    private sealed record AuditRow
    {
        public long Seq { get; init; }
        public long At { get; init; }
        public string Actor { get; init; } = "";
        public string? ActorName { get; init; }
        public string Action { get; init; } = "";
        public string Object { get; init; } = "";
        public string? OldValue { get; init; }
        public string? NewValue { get; init; }
        public string? RequestId { get; init; }

        public AuditRecord ToRecord() => new(Seq, Stored.Time(At), new Actor(Actor, ActorName, RequestId), Action, Object, OldValue, NewValue);
    }
}

/// <summary>One change, as the audit log keeps it.</summary>
/// <param name="Before">As JSON.</param>
/// <param name="After">As JSON.</param>
public sealed record AuditRecord(long Seq, DateTimeOffset At, Actor Actor, string Action, string ObjectId, string? Before, string? After);
