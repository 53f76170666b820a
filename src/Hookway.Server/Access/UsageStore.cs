using Dapper;
using Hookway.Storage;

namespace Hookway.Access;

/// <summary>Every SQL statement about how many messages workspaces have accepted in a month.</summary>
public sealed class UsageStore(Database database, Configuration configuration, WorkspaceStore workspaces, Random random)
{
    /// <summary>Where all nodes count the messages of a workspace with a limit.</summary>
    private const long SharedSlot = 0;

    private const int Slots = 16;

    private static readonly RowStatement LockStatement = new(
        """
        INSERT INTO message_counts (workspace_no, month, slot, messages) SELECT v.workspace, v.month, 0, 0 FROM {rows} WHERE true
        ON CONFLICT (workspace_no, month, slot) DO UPDATE SET messages = message_counts.messages
        """, RowStatement.Number("workspace"), RowStatement.Number("month"));

    private static readonly RowStatement SumStatement = new(
        """
        SELECT v.workspace, CAST(coalesce(sum(c.messages), 0) AS BIGINT) FROM {rows} JOIN message_counts c ON c.workspace_no = v.workspace AND c.month = v.month
        GROUP BY v.workspace
        """, RowStatement.Number("workspace"), RowStatement.Number("month"));

    private static readonly RowStatement<MonthCount> CountStatement = new RowStatement<MonthCount>(
        """
        INSERT INTO message_counts (workspace_no, month, slot, messages) SELECT v.workspace, v.month, v.slot, v.messages FROM {rows} WHERE true
        ON CONFLICT (workspace_no, month, slot) DO UPDATE SET messages = message_counts.messages + excluded.messages
        """)
        .Number("workspace", count => count.WorkspaceNo).Number("month", count => count.Month).Number("slot", count => count.Slot).Number("messages", count => count.Messages);

    /// <summary>Where this process counts those of the others: nodes that share one only wait for each other.</summary>
    private readonly long _ownSlot = SharedSlot + 1 + random.NextInt64(Slots);

    /// <summary>A month as it is kept, such as 202601.</summary>
    public static long MonthOf(DateTimeOffset at) => (at.UtcDateTime.Year * 100L) + at.UtcDateTime.Month;

    /// <summary>When the month of a time is over.</summary>
    public static DateTimeOffset EndOfMonth(DateTimeOffset at) => new DateTimeOffset(at.UtcDateTime.Year, at.UtcDateTime.Month, 1, 0, 0, 0, TimeSpan.Zero).AddMonths(1);

    public Task<long> CountOf(long workspaceNo, long month) => database.Read(connection => connection.ExecuteScalarAsync<long>(
        "SELECT CAST(coalesce(sum(messages), 0) AS BIGINT) FROM message_counts WHERE workspace_no = @workspaceNo AND month = @month", new { workspaceNo, month }));

    /// <summary>Counts against the limits of the callers' workspaces, inside a transaction.</summary>
    public async Task<MessageQuota> OpenQuota(WriteSession session, IEnumerable<Caller> callers, DateTimeOffset now)
    {
        var limits = new SortedDictionary<long, WorkspaceLimits>();
        foreach (var caller in callers)
        {
            if (!limits.ContainsKey(caller.WorkspaceNo))
            {
                var isStale = configuration.IsStale(Workspace.Subject(caller.WorkspaceNo), caller.CredentialVersion);
                limits.Add(caller.WorkspaceNo, (isStale ? await workspaces.Load(session.Connection, caller.WorkspaceNo) : caller.Workspace).Limits);
            }
        }
        var limited = limits.Where(pair => pair.Value.MessagesPerMonth is not null).Select(pair => pair.Key).ToList();
        return new MessageQuota(this, limits, limited.Count == 0 ? [] : await LockCounts(session, MonthOf(now), limited), now);
    }

    /// <summary>The counts of workspaces with a limit; nobody else's accept looks at them before this transaction ends.</summary>
    /// <param name="workspaces">Rising, so that nobody waits for one who waits for him.</param>
    private static async Task<Dictionary<long, long>> LockCounts(WriteSession session, long month, IReadOnlyList<long> workspaces)
    {
        var rows = workspaces.Select(no => new object?[] { no, month }).ToList();
        await session.ForEach(LockStatement, rows);
        return (await session.Read(SumStatement, rows, reader => (No: reader.GetInt64(0), Messages: reader.GetInt64(1)))).ToDictionary(row => row.No, row => row.Messages);
    }

    /// <summary>Counts accepted messages, in the transaction that accepts them.</summary>
    /// <param name="counts">By workspace, rising.</param>
    internal Task Add(WriteSession session, long month, IEnumerable<(long WorkspaceNo, bool IsLimited, long Messages)> counts) => session.ForEach(
        CountStatement, [.. counts.Select(count => new MonthCount(count.WorkspaceNo, month, count.IsLimited ? SharedSlot : _ownSlot, count.Messages))]);

    private sealed record MonthCount(long WorkspaceNo, long Month, long Slot, long Messages);
}
