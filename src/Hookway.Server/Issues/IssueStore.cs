using System.Data.Common;
using Dapper;
using Hookway.Storage;

namespace Hookway.Issues;

/// <summary>Every SQL statement about issues.</summary>
public sealed class IssueStore(Database database, IdGenerator ids, ReadBounds bounds)
{
    private const string Select =
        """
        SELECT i.no, i.id, i.workspace_no, i.kind, i.status, i.severity, i.cause, i.title, i.detail, i.source_id, i.destination_id, i.app_id, i.endpoint_id, i.recipient,
            i.entity_key, i.target_no, i.source_no, i.times AS count, i.first_seen_at, i.last_seen_at, i.resolved_at, i.resolved_by
        FROM issues i
        """;

    /// <summary>The text is that of what was seen last; a status that a person gave stays.</summary>
    private static readonly RowStatement SeeStatement = new(
        """
        INSERT INTO issues (id, workspace_no, kind, status, severity, cause, title, detail, source_id, destination_id, app_id, endpoint_id, recipient, entity_key,
            target_no, source_no, error, is_down, times, first_seen_at, last_seen_at, over_at)
        SELECT v.id, v.workspace, v.kind, 0, v.severity, v.cause, v.title, v.detail, v.source_id, v.destination_id, v.app_id, v.endpoint_id, v.recipient, v.entity_key,
            v.target, v.source, v.error, v.is_down, v.times, v.first, v.last, v.over_at FROM {rows} WHERE true
        ON CONFLICT (workspace_no, cause) WHERE status <> 2 DO UPDATE SET severity = excluded.severity, title = excluded.title, detail = excluded.detail,
            error = excluded.error, is_down = excluded.is_down, times = issues.times + excluded.times,
            last_seen_at = CASE WHEN excluded.last_seen_at > issues.last_seen_at THEN excluded.last_seen_at ELSE issues.last_seen_at END, over_at = excluded.over_at
        RETURNING no, workspace_no, cause
        """,
        RowStatement.Text("id"), RowStatement.Number("workspace"), RowStatement.Number("kind"), RowStatement.Number("severity"), RowStatement.Text("cause"),
        RowStatement.Text("title"), RowStatement.Text("detail"), RowStatement.Text("source_id"), RowStatement.Text("destination_id"), RowStatement.Text("app_id"),
        RowStatement.Text("endpoint_id"), RowStatement.Text("recipient"), RowStatement.Text("entity_key"), RowStatement.Number("target"), RowStatement.Number("source"),
        RowStatement.Text("error"), RowStatement.Number("is_down"), RowStatement.Number("times"), RowStatement.Number("first"), RowStatement.Number("last"),
        RowStatement.Number("over_at"));

    private static readonly RowStatement ItemStatement = new(
        "INSERT INTO issue_items (issue_no, item_seq, item_id) SELECT v.issue, v.seq, v.id FROM {rows} WHERE true ON CONFLICT (issue_no, item_seq) DO NOTHING",
        RowStatement.Number("issue"), RowStatement.Number("seq"), RowStatement.Text("id"));

    private static readonly RowStatement TrimItemsStatement = new(
        $$"""
        DELETE FROM issue_items WHERE issue_no IN (SELECT v.issue FROM {rows}) AND item_seq <=
            (SELECT k.item_seq FROM issue_items k WHERE k.issue_no = issue_items.issue_no ORDER BY k.item_seq DESC LIMIT 1 OFFSET {{Issue.MostItems}})
        """, RowStatement.Number("issue"));

    private static readonly RowStatement FindStatement = new(
        "SELECT i.no FROM {rows} JOIN issues i ON i.id = v.id AND i.workspace_no = v.workspace", RowStatement.Number("workspace"), RowStatement.Text("id"));

    private static readonly RowStatement EndStatement = new(
        """
        UPDATE issues SET status = 2, resolved_at = v.at, resolved_by = v.resolver, detail = issues.detail || ' ' || v.why FROM {rows}
        WHERE issues.no = v.issue AND issues.status <> 2
        """, RowStatement.Number("issue"), RowStatement.Number("at"), RowStatement.Text("resolver"), RowStatement.Text("why"));

    /// <summary>
    /// On PostgreSQL keeps other nodes from changing issues until the commit: what is seen and what people decide comes in no order in which two transactions could
    /// not wait for each other. Lists are read meanwhile.
    /// </summary>
    public static Task Lock(WriteSession session) =>
        session.HasRowLocks ? session.Connection.ExecuteAsync("LOCK TABLE issues IN SHARE ROW EXCLUSIVE MODE") : Task.CompletedTask;

    /// <summary>Adds what was seen to the issues of its causes, opening those that are missing.</summary>
    public async Task See(WriteSession session, IReadOnlyCollection<Sighting> seen)
    {
        if (seen.Count == 0)
        {
            return;
        }
        await Lock(session);
        var merged = seen.GroupBy(item => (item.WorkspaceNo, item.Cause)).ToDictionary(same => same.Key, same => same.Aggregate(Merge));
        var numbers = await session.Read(
            SeeStatement, [.. merged.Values.Select(ToRow)], row => (No: row.GetInt64(0), Cause: (row.GetInt64(1), row.GetString(2))));
        await session.ForEach(ItemStatement, [.. numbers.SelectMany(issue => merged[issue.Cause].Items.TakeLast(Issue.MostItems).Select(item => new object?[] { issue.No, item.Seq, item.Id }))]);
        await session.ForEach(TrimItemsStatement, [.. numbers.Select(issue => new object?[] { issue.No })]);
    }

    /// <summary>Ends issues that are over by themselves. The sentence says why.</summary>
    public static async Task End(WriteSession session, IReadOnlyCollection<(long No, string Why)> over, DateTimeOffset now)
    {
        if (over.Count > 0)
        {
            await Lock(session);
            await session.ForEach(EndStatement, [.. over.Select(issue => new object?[] { issue.No, now.ToUnixTimeMilliseconds(), Actor.System.Id, issue.Why })]);
        }
    }

    /// <summary>Ends the live issue of a cause, if there is one.</summary>
    public static async Task End(WriteSession session, long workspaceNo, string cause, string why, DateTimeOffset now)
    {
        // The second condition is that of the index, the first leaves out what is ignored.
        if (await session.Connection.ExecuteScalarAsync<long?>(
            "SELECT no FROM issues WHERE workspace_no = @workspaceNo AND cause = @cause AND status < 2 AND status <> 2", new { workspaceNo, cause }) is { } no)
        {
            await End(session, [(no, why)], now);
        }
    }

    /// <summary>Of the issues of these causes those that are not resolved.</summary>
    public static async Task<List<LiveIssue>> FindLive(DbConnection connection, IReadOnlyCollection<(long WorkspaceNo, string Cause)> causes)
    {
        var found = new List<LiveIssue>();
        foreach (var (workspaceNo, cause) in causes)
        {
            found.AddRange((await connection.QueryAsync<(long No, long Status)>(
                "SELECT no, status FROM issues WHERE workspace_no = @workspaceNo AND cause = @cause AND status <> 2", new { workspaceNo, cause }))
                .Select(row => new LiveIssue(row.No, cause, (IssueStatus)row.Status)));
        }
        return found;
    }

    /// <summary>The issues that are not resolved whose causes begin so.</summary>
    public static async Task<List<LiveIssue>> FindLive(DbConnection connection, long workspaceNo, string prefix) => (await connection.QueryAsync<(long No, string Cause, long Status)>(
        "SELECT no, cause, status FROM issues WHERE workspace_no = @workspaceNo AND cause >= @prefix AND cause < @end AND status <> 2",
        new { workspaceNo, prefix, end = Prefix.EndOf(prefix) })).Select(row => new LiveIssue(row.No, row.Cause, (IssueStatus)row.Status)).ToList();

    /// <summary>One issue; null when it is not of this workspace.</summary>
    public Task<Issue?> Find(long workspaceNo, string issueId) => database.Read(async connection =>
        (await Load(connection, $"{Select} WHERE i.workspace_no = @workspaceNo AND i.id = @issueId", new { workspaceNo, issueId })).SingleOrDefault());

    /// <summary>A workspace's issues, those that were opened last first; of those that a filter looks at in vain, a bounded number.</summary>
    public Task<Found<Issue>> List(long workspaceNo, IssueFilter filter, long before, int limit) => database.Read(async connection =>
    {
        var owner = filter.Status is null ? "i.workspace_no = @workspaceNo" : "i.workspace_no = @workspaceNo AND i.status = @status";
        var conditions = filter.Conditions;
        var values = filter.Values;
        values.AddDynamicParams(new { workspaceNo, status = (long?)filter.Status, before, limit, most = bounds.Rows - 1 });
        var stopAt = conditions.Length == 0 ? null : await connection.ExecuteScalarAsync<long?>(
            $"SELECT i.no FROM issues i WHERE {owner} AND i.no < @before ORDER BY i.no DESC LIMIT 1 OFFSET @most", values);
        values.Add("from", stopAt ?? 0);
        var found = await Load(connection, $"{Select} WHERE {owner} AND i.no >= @from AND i.no < @before{conditions} ORDER BY i.no DESC LIMIT @limit", values);
        return new Found<Issue>(found, found.Count < limit ? stopAt : null);
    });

    /// <summary>Issues of a workspace by their ids, read inside a transaction, in the order in which they were opened.</summary>
    public static async Task<List<Issue>> FindAll(WriteSession session, long workspaceNo, IEnumerable<string> issueIds)
    {
        var numbers = await session.Read(FindStatement, [.. issueIds.Select(id => new object?[] { workspaceNo, id })], row => row.GetInt64(0));
        return await Load(session.Connection, $"{Select} WHERE i.no IN {Stored.List(numbers)} ORDER BY i.no", new { });
    }

    /// <summary>Gives an issue another status. Of one that was over nothing changes when its cause has a newer one.</summary>
    public static Task Move(WriteSession session, Issue issue, IssueStatus to, Actor by, DateTimeOffset now) => session.Connection.ExecuteAsync(
        """
        UPDATE issues SET status = @to, resolved_at = @resolvedAt, resolved_by = @resolvedBy WHERE no = @No AND status = @from
            AND (status <> 2 OR NOT EXISTS (SELECT 1 FROM issues l WHERE l.workspace_no = issues.workspace_no AND l.cause = issues.cause AND l.status <> 2))
        """,
        new
        {
            issue.No, from = (long)issue.Status, to = (long)to, resolvedAt = to is IssueStatus.Resolved ? now.ToUnixTimeMilliseconds() : (long?)null,
            resolvedBy = to is IssueStatus.Resolved ? by.Id : null,
        });

    /// <summary>Ends issues whose time was up, a few at a time; answers how many.</summary>
    /// <param name="lookedUntil">Until when it is known that they were not seen again.</param>
    public static async Task<int> EndQuiet(WriteSession session, DateTimeOffset lookedUntil, DateTimeOffset now, int most)
    {
        var quiet = (await session.Connection.QueryAsync<long>(
            "SELECT no FROM issues WHERE status < 2 AND over_at <= @until ORDER BY over_at LIMIT @most", new { until = lookedUntil.ToUnixTimeMilliseconds(), most })).AsList();
        await End(session, [.. quiet.Select(no => (no, "It has not been seen since."))], now);
        return quiet.Count;
    }

    /// <summary>Whether an issue's time was up.</summary>
    public static async Task<bool> HasQuiet(DbConnection connection, DateTimeOffset lookedUntil) => await connection.ExecuteScalarAsync<long?>(
        "SELECT no FROM issues WHERE status < 2 AND over_at <= @until LIMIT 1", new { until = lookedUntil.ToUnixTimeMilliseconds() }) is not null;

    /// <summary>
    /// The next issues about targets, with what has become of those since: whether the last attempt succeeded and began after the last failure, and whether one of the
    /// deliveries that failed has not arrived.
    /// </summary>
    public static async Task<List<TargetIssue>> AboutTargets(DbConnection connection, long after, int most) => (await connection.QueryAsync<TargetIssue>(
        """
        SELECT i.no, i.kind, i.status, i.target_no, i.is_down,
            (SELECT CASE WHEN a.error IS NULL AND a.started_at >= i.last_seen_at THEN 1 ELSE 0 END FROM attempts a WHERE a.target_no = i.target_no ORDER BY a.seq DESC LIMIT 1) AS succeeded,
            CASE WHEN EXISTS (
                SELECT 1 FROM issue_items x JOIN deliveries d ON d.message_seq = x.item_seq AND d.target_no = i.target_no
                WHERE x.issue_no = i.no AND d.status NOT IN (1, 3)) THEN 1 ELSE 0 END AS outstanding
        FROM issues i WHERE i.status <> 2 AND i.target_no IS NOT NULL AND i.no > @after ORDER BY i.no LIMIT @most
        """, new { after, most })).AsList();

    /// <summary>The next issues about sources.</summary>
    public static async Task<List<SourceIssue>> AboutSources(DbConnection connection, long after, int most) => (await connection.QueryAsync<SourceIssue>(
        "SELECT no, kind, status, cause, source_id FROM issues WHERE status <> 2 AND source_no IS NOT NULL AND no > @after ORDER BY no LIMIT @most", new { after, most })).AsList();

    /// <summary>Erases what is kept of a recipient.</summary>
    public static async Task Erase(WriteSession session, string appId, string recipient)
    {
        await Lock(session);
        await session.Connection.ExecuteAsync("DELETE FROM issue_items WHERE issue_no IN (SELECT no FROM issues WHERE app_id = @appId AND recipient = @recipient)", new { appId, recipient });
        await session.Connection.ExecuteAsync("DELETE FROM issues WHERE app_id = @appId AND recipient = @recipient", new { appId, recipient });
    }

    /// <summary>Removes some of the issues that were over before a time; answers how many.</summary>
    public static async Task<int> RemoveSome(WriteSession session, long workspaceNo, DateTimeOffset before, int most)
    {
        var old = (await session.Connection.QueryAsync<long>(
            "SELECT no FROM issues WHERE status = 2 AND workspace_no = @workspaceNo AND resolved_at < @before ORDER BY resolved_at LIMIT @most",
            new { workspaceNo, before = before.ToUnixTimeMilliseconds(), most })).AsList();
        if (old.Count == 0)
        {
            return 0;
        }
        await Lock(session);
        await session.Connection.ExecuteAsync($"DELETE FROM issue_items WHERE issue_no IN {Stored.List(old)}");
        // One that a person has ignored meanwhile stays, with nothing to show but that.
        return await session.Connection.ExecuteAsync($"DELETE FROM issues WHERE no IN {Stored.List(old)} AND status = 2");
    }

    private object?[] ToRow(Sighting seen) =>
    [
        ids.New(IdPrefix.Issue), seen.WorkspaceNo, (long)seen.Kind, (long)seen.Severity, seen.Cause, seen.Title, seen.Detail, seen.About.SourceId, seen.About.DestinationId,
        seen.About.AppId, seen.About.EndpointId, seen.About.Recipient, seen.About.EntityKey, seen.About.TargetNo, seen.About.SourceNo, seen.Error, Stored.Flag(seen.IsDown),
        seen.Count, seen.FirstAt.ToUnixTimeMilliseconds(), seen.LastAt.ToUnixTimeMilliseconds(), Stored.Time(seen.OverAt),
    ];

    private static Sighting Merge(Sighting earlier, Sighting later) => later with
    {
        Count = earlier.Count + later.Count,
        FirstAt = earlier.FirstAt < later.FirstAt ? earlier.FirstAt : later.FirstAt,
        LastAt = earlier.LastAt > later.LastAt ? earlier.LastAt : later.LastAt,
        Items = [.. earlier.Items.Concat(later.Items).DistinctBy(item => item.Seq).TakeLast(Issue.MostItems)],
    };

    private static async Task<List<Issue>> Load(DbConnection connection, string sql, object values)
    {
        var rows = (await connection.QueryAsync<IssueRow>(sql, values)).AsList();
        var items = rows.Count == 0 ? Enumerable.Empty<(long, string)>().ToLookup(item => item.Item1, item => item.Item2)
            : (await connection.QueryAsync<(long IssueNo, string ItemId)>(
                $"SELECT issue_no, item_id FROM issue_items WHERE issue_no IN {Stored.List(rows.Select(row => row.No))} ORDER BY issue_no, item_seq"))
                .ToLookup(item => item.IssueNo, item => item.ItemId);
        return rows.ConvertAll(row => row.ToIssue([.. items[row.No]]));
    }

    private sealed record IssueRow
    {
        public long No { get; init; }
        public string Id { get; init; } = "";
        public long WorkspaceNo { get; init; }
        public long Kind { get; init; }
        public long Status { get; init; }
        public long Severity { get; init; }
        public string Cause { get; init; } = "";
        public string Title { get; init; } = "";
        public string Detail { get; init; } = "";
        public string? SourceId { get; init; }
        public string? DestinationId { get; init; }
        public string? AppId { get; init; }
        public string? EndpointId { get; init; }
        public string? Recipient { get; init; }
        public string? EntityKey { get; init; }
        public long? TargetNo { get; init; }
        public long? SourceNo { get; init; }
        public long Count { get; init; }
        public long FirstSeenAt { get; init; }
        public long LastSeenAt { get; init; }
        public long? ResolvedAt { get; init; }
        public string? ResolvedBy { get; init; }

        public Issue ToIssue(IReadOnlyList<string> items) => new(
            No, Id, WorkspaceNo, (IssueKind)Kind, (IssueStatus)Status, (IssueSeverity)Severity, Cause, Title, Detail,
            new IssueSubject(SourceId, DestinationId, AppId, EndpointId, Recipient, EntityKey) { TargetNo = TargetNo, SourceNo = SourceNo },
            Count, Stored.Time(FirstSeenAt), Stored.Time(LastSeenAt), Stored.Time(ResolvedAt), ResolvedBy, items);
    }
}

/// <summary>An issue that is not resolved.</summary>
public sealed record LiveIssue(long No, string Cause, IssueStatus Status);

/// <summary>An issue about a source.</summary>
public sealed record SourceIssue : IOpenIssue
{
    public long No { get; init; }
    public long Kind { get; init; }
    public long Status { get; init; }
    public string Cause { get; init; } = "";
    public string SourceId { get; init; } = "";
}

/// <summary>An issue about a target, with what has become of that since.</summary>
public sealed record TargetIssue : IOpenIssue
{
    public long No { get; init; }
    public long Kind { get; init; }
    public long Status { get; init; }
    public long TargetNo { get; init; }
    public long IsDown { get; init; }

    /// <summary>Its last attempt began after the last failure and succeeded; null when there is none.</summary>
    public long? Succeeded { get; init; }

    /// <summary>One of the deliveries that failed has neither arrived nor been canceled.</summary>
    public long Outstanding { get; init; }
}
