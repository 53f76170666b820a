using System.Diagnostics.Metrics;
using Hookway.Storage;

namespace Hookway.Deliveries.Ownership;

/// <summary>What a node tells of its place among the others on PostgreSQL.</summary>
public sealed class OwnershipMetrics
{
    private readonly Counter<long> _taken;
    private readonly Counter<long> _letGo;
    private readonly Counter<long> _told;
    private readonly Counter<long> _renewals;
    private readonly Counter<long> _lost;
    private readonly Counter<long> _givenUp;
    private Func<long> _owned = static () => 0;
    private Func<TimeSpan?> _leaseAge = static () => null;

    public OwnershipMetrics(HookwayMeter meter)
    {
        Counter<long> Count(string name, string description) => meter.Meter.CreateCounter<long>(name, description: description);
        _taken = Count("hookway.node.targets.taken", "Targets that became this node's: with work that it accepted (accepted), or found free or left by a node that is gone (found).");
        _letGo = Count("hookway.node.targets.let_go", "Targets that this node let go because they had nothing to do.");
        _told = Count("hookway.node.targets.told", "Targets of other nodes for which this node accepted work.");
        _renewals = Count("hookway.node.lease.renewals", "How often this node renewed its lease.");
        _lost = Count("hookway.node.lease.losses", "How often this node lost its lease, and with it all its targets.");
        _givenUp = Count("hookway.node.given_up", "Other nodes that this one gave up because their leases were over.");
        meter.Meter.CreateObservableGauge("hookway.node.targets.owned", () => _owned(), description: "Targets that are this node's now.");
        meter.Meter.CreateObservableGauge<double>(
            "hookway.node.lease.age", () => _leaseAge() is { } age ? [new Measurement<double>(age.TotalSeconds)] : Array.Empty<Measurement<double>>(), "s",
            "How long ago this node renewed its lease; nothing while it has none.");
    }

    internal void Watch(Func<long> owned, Func<TimeSpan?> leaseAge)
    {
        _owned = owned;
        _leaseAge = leaseAge;
    }

    internal void Taken(int targets, bool withWork) => _taken.Add(targets, new KeyValuePair<string, object?>("how", withWork ? "accepted" : "found"));

    internal void LetGo(int targets) => _letGo.Add(targets);

    internal void Told(int targets) => _told.Add(targets);

    internal void Renewed() => _renewals.Add(1);

    internal void Lost() => _lost.Add(1);

    internal void GaveUp(int nodes) => _givenUp.Add(nodes);
}
