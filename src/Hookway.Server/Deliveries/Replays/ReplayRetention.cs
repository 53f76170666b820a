using Hookway.Storage;

namespace Hookway.Deliveries.Replays;

/// <summary>Removes replays that were over when a workspace's history was.</summary>
public sealed class ReplayRetention : IRetained
{
    public async Task<long> Remove(RetentionCutoffs cutoffs, PacedWriter writer, CancellationToken stop)
    {
        var removed = 0L;
        foreach (var kept in cutoffs.Classes)
        {
            foreach (var workspaceNo in kept.Workspaces)
            {
                for (var some = -1; some != 0; removed += some)
                {
                    some = await writer.Write(session => ReplayStore.RemoveSome(session, workspaceNo, kept.Before, PacedWriter.Rows), stop);
                }
            }
        }
        return removed;
    }
}
