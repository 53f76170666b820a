using Dapper;
using Hookway.Deliveries.Stats;
using Hookway.Dispatch.Messages;
using Hookway.Storage;

namespace Hookway.Dashboard.Apps;

/// <summary>What each app of a list did in the last hour, and what waits for it: the overview's numbers, app by app. Bounded however much there is.</summary>
public sealed class AppActivityReader(Database database, MessageStore messages, TimeProvider clock)
{
    /// <summary>The most waiting deliveries that are counted of an app.</summary>
    public const int MostWaiting = 1_000;

    private const long Hour = 3_600_000;

    /// <summary>By the app's id.</summary>
    public Task<IReadOnlyDictionary<string, AppActivity>> Read(long workspaceNo, IReadOnlyCollection<string> appIds) => database.Read(async connection =>
    {
        var now = clock.GetUtcNow();
        var since = now.ToUnixTimeMilliseconds() - Hour;
        var found = new Dictionary<string, AppActivity>();
        foreach (var id in appIds)
        {
            if (await connection.ExecuteScalarAsync<long?>("SELECT no FROM apps WHERE workspace_no = @workspaceNo AND id = @id", new { workspaceNo, id }) is not { } appNo)
            {
                continue;
            }
            var accepted = await new StepCounts("messages", "created_at", "app_no = @appNo", new { appNo }, messages.Times).Read(connection, since, Hour + 1, 1);
            var attempts = await connection.QuerySingleAsync<(long Succeeded, long Failed)>(
                """
                SELECT CAST(coalesce(sum(s.attempts_succeeded), 0) AS BIGINT) AS succeeded, CAST(coalesce(sum(s.attempts_failed), 0) AS BIGINT) AS failed FROM target_stats s
                WHERE s.target_no IN (SELECT e.no FROM endpoints e WHERE e.app_no = @appNo) AND s.slot >= @slot
                """, new { appNo, slot = TargetStatStore.SlotOf(now.AddHours(-1)) });
            var waiting = await connection.ExecuteScalarAsync<long>(
                "SELECT count(*) FROM (SELECT 1 FROM deliveries d WHERE d.target_no IN (SELECT e.no FROM endpoints e WHERE e.app_no = @appNo) AND d.status = 0 LIMIT @most) t",
                new { appNo, most = MostWaiting + 1 });
            found[id] = new AppActivity(accepted.Sum(), attempts.Succeeded, attempts.Failed, waiting);
        }
        return (IReadOnlyDictionary<string, AppActivity>)found;
    });
}

/// <summary>An app's last hour.</summary>
/// <param name="Accepted">Messages.</param>
/// <param name="Succeeded">Attempts.</param>
/// <param name="Failed">Attempts.</param>
/// <param name="Waiting">Pending and held deliveries; one above <see cref="AppActivityReader.MostWaiting"/> for more.</param>
public sealed record AppActivity(long Accepted, long Succeeded, long Failed, long Waiting)
{
    public double? SuccessRate => Succeeded + Failed == 0 ? null : (double)Succeeded / (Succeeded + Failed);
}
