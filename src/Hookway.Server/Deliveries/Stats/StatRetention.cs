using Hookway.Storage;

namespace Hookway.Deliveries.Stats;

/// <summary>Removes stats that are older than what any workspace keeps: they name no workspace, and are small.</summary>
public sealed class StatRetention : IRetained
{
    public async Task<long> Remove(RetentionCutoffs cutoffs, PacedWriter writer, CancellationToken stop)
    {
        var removed = 0L;
        if (cutoffs.Classes.Count == 0)
        {
            return removed;
        }
        var before = cutoffs.Classes.Min(kept => kept.Before);
        for (var some = -1; some != 0; removed += some)
        {
            some = await writer.Write(session => TargetStatStore.Trim(session, before, PacedWriter.Rows), stop);
        }
        return removed;
    }
}
