using System.Data.Common;
using Hookway.Deliveries;
using Hookway.Storage;

namespace Hookway.Issues;

/// <summary>Ends issues about targets that have recovered, were enabled again or are gone.</summary>
public sealed class TargetRecovery(Database database, Configuration configuration, IEnumerable<IDeliverySource> sources) : RecoveryRound<TargetIssue>(database, configuration)
{
    protected override Task<List<TargetIssue>> Open(DbConnection connection, long after, int most) => IssueStore.AboutTargets(connection, after, most);

    protected override async ValueTask<string?> WhyOver(TargetIssue issue)
    {
        var target = await FindTarget(issue.TargetNo);
        if (target is null or { Ended: DeliveryChange.TargetDeleted or DeliveryChange.AppArchived or DeliveryChange.SourceArchived })
        {
            return "It is gone.";
        }
        if (issue.Status == (long)IssueStatus.Ignored)
        {
            return null;
        }
        if (issue.Kind == (long)IssueKind.EndpointDisabled)
        {
            return target.Ended is null ? "It was enabled again." : null;
        }
        return issue.IsDown != 0 ? issue.Succeeded == 1 ? "Deliveries arrive there again." : null
            : issue.Outstanding == 0 ? "What had failed has arrived since, or was taken back." : null;
    }

    private async ValueTask<DeliveryTarget?> FindTarget(long no)
    {
        foreach (var source in sources)
        {
            if (await source.FindTarget(no) is { } target)
            {
                return target;
            }
        }
        return null;
    }
}
