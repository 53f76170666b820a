using Hookway.Storage;

namespace Hookway.Access;

/// <summary>Removes the audit log's entries when they have been kept for a year, or for as long as a workspace keeps its history where that is longer.</summary>
public sealed class AuditRetention : IRetained
{
    /// <summary>What was changed, and by whom, is asked for long after the messages of that day are gone.</summary>
    public const int LeastDays = 365;

    public async Task<long> Remove(RetentionCutoffs cutoffs, PacedWriter writer, CancellationToken stop)
    {
        var removed = 0L;
        foreach (var (workspaceNo, days) in cutoffs.Days)
        {
            var before = cutoffs.Now.AddDays(-Math.Max(days, LeastDays));
            for (var some = -1; some != 0; removed += some)
            {
                some = await writer.Write(session => AuditStore.RemoveSome(session, workspaceNo, before, PacedWriter.Rows), stop);
            }
        }
        return removed;
    }
}
