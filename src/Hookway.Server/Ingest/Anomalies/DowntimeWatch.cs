using System.Data.Common;
using Dapper;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;
using Hookway.Ingest.Verification;
using Hookway.Issues;
using Hookway.Storage;

namespace Hookway.Ingest.Anomalies;

/// <summary>
/// Tells of the time in which no server ran, for sources whose vendor does not send again: what they sent then is lost unless somebody asks for it. Somebody running notes so once a minute;
/// whoever starts looks how long ago that was.
/// </summary>
public sealed class DowntimeWatch(Database database, Configuration configuration, IssueStore issues, SourceStore sources, LedgerWatch ledger, TimeProvider clock) : IWatcher
{
    private const string Cursor = "alive";
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Shortest = TimeSpan.FromMinutes(3);

    /// <summary>A source that had no event for longer is not in use.</summary>
    private static readonly TimeSpan InUse = TimeSpan.FromDays(7);

    private readonly DateTimeOffset _startedAt = clock.GetUtcNow();
    private DateTimeOffset? _noted;

    public async Task<bool> Step(DateTimeOffset now)
    {
        // Until the ledger has been looked at, it is not known whose turn it is.
        if (ledger.CaughtUpTo == DateTimeOffset.MinValue || (_noted is { } noted && now - noted < Every && now >= noted))
        {
            return false;
        }
        var seen = _noted is null ? await Find() : [];
        await database.Write(async session =>
        {
            await session.Connection.ExecuteAsync(
                $"INSERT INTO watch_cursors (name, position) VALUES ('{Cursor}', @at) ON CONFLICT (name) DO UPDATE SET position = excluded.position", new { at = now.ToUnixTimeMilliseconds() });
            await issues.See(session, seen);
            return 0;
        });
        _noted = now;
        return false;
    }

    private async Task<List<Sighting>> Find()
    {
        var found = new List<Sighting>();
        if (await database.Read(connection => connection.ExecuteScalarAsync<long?>($"SELECT position FROM watch_cursors WHERE name = '{Cursor}'")) is not { } alive
            || _startedAt - Stored.Time(alive) is var down && down < Shortest)
        {
            return found;
        }
        await configuration.CatchUp();
        var since = Stored.Time(alive);
        foreach (var vendor in VendorCatalog.All.Where(vendor => vendor.NoRetries is not null))
        {
            foreach (var (no, id) in await database.Read(connection => InUseOf(connection, vendor.Key, since - InUse)))
            {
                if (await sources.Receiving(id) is { Source.ArchivedAt: null } view && view.Source.Settings.Expectations.Has(CommonRule.Downtime))
                {
                    found.Add(Anomaly.Downtime(view.Source, vendor, since, _startedAt, await database.Read(connection => HookOf(connection, view, vendor.NoRetries!))));
                }
            }
        }
        return found;
    }

    private static async Task<List<(long No, string Id)>> InUseOf(DbConnection connection, string vendor, DateTimeOffset since) => (await connection.QueryAsync<(long, string)>(
        """
        SELECT s.no, s.id FROM sources s WHERE s.vendor = @vendor AND s.archived_at IS NULL
            AND EXISTS (SELECT 1 FROM source_counts c WHERE c.source_no = s.no AND c.last_event_at >= @since) ORDER BY s.no
        """, new { vendor, since = since.ToUnixTimeMilliseconds() })).AsList();

    /// <summary>What the vendor calls the webhook, by the last event.</summary>
    private static async Task<string?> HookOf(DbConnection connection, SourceView view, NoRetries vendor) =>
        vendor.Hook is { } hook && await WatchedEventStore.LastGenuine(connection, view.Source.No) is { } last
        && (await EventStore.FindRequests(connection, [last])).GetValueOrDefault(last) is { } kept
            ? hook.For(new VendorRequest("POST", "http://localhost/", kept.Headers, kept.Body ?? [], view.Source.CreatedAt)) : null;
}
