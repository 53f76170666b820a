using Hookway.Storage;

namespace Hookway.Issues;

/// <summary>Removes issues that were over when a workspace's history was. What is open, acknowledged or ignored stays.</summary>
public sealed class IssueRetention : IRetained
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
                    some = await writer.Write(session => IssueStore.RemoveSome(session, workspaceNo, kept.Before, PacedWriter.Rows), stop);
                }
            }
        }
        return removed;
    }
}
