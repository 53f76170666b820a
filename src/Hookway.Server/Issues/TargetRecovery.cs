using Hookway.Deliveries;
using Hookway.Storage;

namespace Hookway.Issues;

/// <summary>
/// Ends issues about targets that have recovered, were enabled again or are gone. It goes round all of them, some at a time: what has become of a target is in the store, so
/// that no success has to be told of.
/// </summary>
public sealed class TargetRecovery(Database database, Configuration configuration, IEnumerable<IDeliverySource> sources) : IWatcher
{
    private const int MostAtOnce = 200;
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    private DateTimeOffset _next;
    private long _after;

    public async Task<bool> Step(DateTimeOffset now)
    {
        // A clock that was set back must not stop it.
        if (now < _next && _next - now <= Every)
        {
            return false;
        }
        _next = now + Every;
        var found = await database.Read(connection => IssueStore.AboutTargets(connection, _after, MostAtOnce));
        _after = found.Count == MostAtOnce ? found[^1].No : 0;
        if (found.Count == 0)
        {
            return false;
        }
        await configuration.CatchUp();
        var over = new List<(long No, string Why)>();
        foreach (var issue in found)
        {
            if (await WhyOver(issue) is { } why)
            {
                over.Add((issue.No, why));
            }
        }
        if (over.Count > 0)
        {
            await database.Write(async session =>
            {
                await IssueStore.End(session, over, now);
                return 0;
            });
        }
        return false;
    }

    private async Task<string?> WhyOver(TargetIssue issue)
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
