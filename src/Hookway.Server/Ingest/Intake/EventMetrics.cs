using System.Diagnostics.Metrics;
using Hookway.Ingest.Verification;
using Hookway.Storage;

namespace Hookway.Ingest.Intake;

/// <summary>What is counted of events once they are durable, and of requests that were refused.</summary>
public sealed class EventMetrics(HookwayMeter meter)
{
    private readonly Counter<long> _events = meter.Meter.CreateCounter<long>("hookway.events", description: "Vendor requests that were kept, by signature: verified, failed or unchecked.");
    private readonly Counter<long> _duplicates = meter.Meter.CreateCounter<long>("hookway.events.duplicates", description: "Events that a vendor had sent before.");
    private readonly Counter<long> _refused = meter.Meter.CreateCounter<long>("hookway.ingest.refused", description: "Vendor requests that were not kept, by code.");

    /// <summary>Events that shared a transaction, after its commit.</summary>
    public void Kept(IReadOnlyList<ReceivedEvent> received, IReadOnlyList<EventOutcome> outcomes)
    {
        for (var i = 0; i < outcomes.Count; i++)
        {
            if (outcomes[i].IsOutdated)
            {
                continue;
            }
            _events.Add(1, new KeyValuePair<string, object?>("signature", NameOf((outcomes[i].Reused ?? received[i].Verdict).Status)));
            if (outcomes[i].IsDuplicate)
            {
                _duplicates.Add(1);
            }
        }
    }

    public void Refused(string code) => _refused.Add(1, new KeyValuePair<string, object?>("code", code));

    private static string NameOf(SignatureStatus status) => status switch
    {
        SignatureStatus.Verified => "verified",
        SignatureStatus.Failed => "failed",
        _ => "unchecked",
    };
}
