using Hookway.Ingest.Ledger;
using Hookway.Ingest.Sources;
using Hookway.Storage;
using Hookway.Ui;

namespace Hookway.Dashboard.Sources;

/// <summary>How much a source received over the last day, by the half hour; read from its own index, and bounded however much there is.</summary>
public sealed class SourceVolume(Database database, SourceStore sources, EventStore events, TimeProvider clock)
{
    private const long Step = 30 * 60_000;
    private const int Steps = 48;

    /// <summary>The bars of its chart: requests that were signed rightly or not checked, and those that were not.</summary>
    public async Task<IReadOnlyList<BarSlot>> LastDay(long workspaceNo, string sourceId)
    {
        if (await sources.Find(workspaceNo, sourceId) is not { } source)
        {
            return [];
        }
        var first = ((clock.GetUtcNow().ToUnixTimeMilliseconds() / Step) - Steps + 1) * Step;
        return await database.Read(async connection =>
        {
            var all = await Counts("source_no = @sourceNo").Read(connection, first, Step, Steps);
            var failed = await Counts("source_no = @sourceNo AND signature_status = 2").Read(connection, first, Step, Steps);
            return (IReadOnlyList<BarSlot>)[.. Enumerable.Range(0, Steps).Select(i => new BarSlot(
                Stored.Time(first + (i * Step)), Words.Clock(Stored.Time(first + (i * Step)))[..5], [("good", Math.Max(0, all[i] - failed[i])), ("bad", failed[i])]))];
        });

        StepCounts Counts(string own) => new("events", "received_at", own, new { sourceNo = source.No }, events.Times);
    }
}
