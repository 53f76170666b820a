using System.Diagnostics.Metrics;
using Hookway.Storage;

namespace Hookway.Dispatch.Messages;

/// <summary>What is counted of messages: those accepted once they are durable.</summary>
public sealed class MessageMetrics(HookwayMeter meter)
{
    private readonly Counter<long> _messages = meter.Meter.CreateCounter<long>("hookway.messages", description: "Sends that were judged, by result: accepted, duplicate or refused.");
    private readonly Counter<long> _deliveries = meter.Meter.CreateCounter<long>("hookway.deliveries.accepted", description: "Deliveries that accepted messages brought.");

    /// <summary>Sends that shared a transaction, after its commit.</summary>
    public void Judged(IReadOnlyList<SendOutcome> outcomes)
    {
        int accepted = 0, duplicates = 0, deliveries = 0;
        foreach (var outcome in outcomes)
        {
            accepted += outcome.Accepted is null ? 0 : 1;
            duplicates += outcome.RepeatedId is null ? 0 : 1;
            deliveries += outcome.Accepted is null ? 0 : outcome.Targets.Count;
        }
        Add(accepted, "accepted");
        Add(duplicates, "duplicate");
        Add(outcomes.Count - accepted - duplicates, "refused");
        if (deliveries > 0)
        {
            _deliveries.Add(deliveries);
        }
    }

    private void Add(int count, string result)
    {
        if (count > 0)
        {
            _messages.Add(count, new KeyValuePair<string, object?>("result", result));
        }
    }
}
