using Hookway.Ingest.Sources;
using Hookway.Storage;

namespace Hookway.Ingest.Intake;

/// <summary>Removes refused requests when they have been kept for as long as their source keeps its events; how many there were in all stays.</summary>
public sealed class RefusedRequestRetention(RefusedRequestStore store, SourceStore sources) : IRetained
{
    public async Task<long> Remove(RetentionCutoffs cutoffs, PacedWriter writer, CancellationToken stop)
    {
        var removed = 0L;
        var days = await sources.RetentionDays(cutoffs.Days);
        foreach (var (sourceNo, oldest) in await store.Oldest())
        {
            if (!days.TryGetValue(sourceNo, out var kept) || oldest >= cutoffs.Now.AddDays(-kept))
            {
                continue;
            }
            for (var some = -1; some != 0; removed += some)
            {
                some = await writer.Write(session => RefusedRequestStore.RemoveSome(session, sourceNo, cutoffs.Now.AddDays(-kept), PacedWriter.Rows), stop);
            }
        }
        return removed;
    }
}
