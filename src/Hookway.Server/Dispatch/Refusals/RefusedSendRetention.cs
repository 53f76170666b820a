using Hookway.Storage;

namespace Hookway.Dispatch.Refusals;

/// <summary>Removes refused sends when they have been kept for as long as their workspace keeps history; how many there were in all stays.</summary>
public sealed class RefusedSendRetention(RefusedSendStore store) : IRetained
{
    public async Task<long> Remove(RetentionCutoffs cutoffs, PacedWriter writer, CancellationToken stop)
    {
        var removed = 0L;
        foreach (var (appNo, workspaceNo, oldest) in await store.Oldest())
        {
            if (!cutoffs.Days.TryGetValue(workspaceNo, out var kept) || oldest >= cutoffs.Now.AddDays(-kept))
            {
                continue;
            }
            for (var some = -1; some != 0; removed += some)
            {
                some = await writer.Write(session => RefusedSendStore.RemoveSome(session, appNo, cutoffs.Now.AddDays(-kept), PacedWriter.Rows), stop);
            }
        }
        return removed;
    }
}
