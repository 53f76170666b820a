using System.Data.Common;
using Hookway.Ingest.Sources;
using Hookway.Issues;

namespace Hookway.Ingest.Anomalies;

/// <summary>Tells a secret that was changed at the vendor from single requests of whoever: after a long good run more than one request in a hundred fails, for ten minutes.</summary>
internal static class SecretChange
{
    private const int MostLookedAt = 1_000;
    private const int FewestFailed = 3;
    private const int FewestVerified = 100;
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan GoodRun = TimeSpan.FromDays(1);

    /// <summary>After so long without one, what fails is another run.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromHours(1);

    public static async Task<Sighting?> Find(DbConnection connection, Source source, WatchedEvent last)
    {
        if (last.ReceivedAt - source.CreatedAt < GoodRun)
        {
            return null;
        }
        var times = await WatchedEventStore.ForgedTimes(connection, last, MostLookedAt);
        var run = 1;
        while (run < times.Count && times[run - 1] - times[run] < Pause)
        {
            run++;
        }
        var isNew = run == times.Count || times[run - 1] - times[run] >= GoodRun;
        var failed = times.Count(time => time >= last.ReceivedAt - Window);
        if (!isNew || last.ReceivedAt - times[run - 1] < Window || failed < FewestFailed || await WatchedEventStore.CountVerified(connection, source.No) < FewestVerified)
        {
            return null;
        }
        var all = await WatchedEventStore.CountSince(connection, last, last.ReceivedAt - Window, MostLookedAt);
        return failed * 100L > all ? Anomaly.SecretChanged(source, last, failed, all) : null;
    }
}
