using Hookway.Deliveries;
using Hookway.Storage;

namespace Hookway.Issues;

/// <summary>Makes issues of what was noted of deliveries, grouped by target and outcome.</summary>
public sealed class DeliveryIssues(Database database, IssueStore issues, IEnumerable<IDeliverySource> sources) : IWatcher
{
    private const int MostSignals = 500;
    private const int MostLabelCharacters = 120;

    public async Task<bool> Step(DateTimeOffset now)
    {
        var (signals, seen) = await database.Read(async connection =>
        {
            var read = await DeliverySignalStore.Read(connection, MostSignals);
            var sightings = new List<Sighting>(read.Count);
            foreach (var signal in read)
            {
                foreach (var source in sources)
                {
                    if (await source.FindOwner(connection, signal.TargetNo) is { } owner)
                    {
                        var ids = await source.FindItemIds(connection, [.. signal.ItemSeqs]);
                        var isDown = signal.IsDown || await DeliverySignalStore.FailsAlone(connection, signal.TargetNo, signal.LastAt);
                        sightings.Add(Of(signal, owner, isDown, [.. signal.ItemSeqs.Where(ids.ContainsKey).Select(seq => new SeenItem(seq, ids[seq]))]));
                        break;
                    }
                }
            }
            return (read, sightings);
        });
        // When another server was quicker, it has also seen the rest.
        return signals.Count > 0 && await database.Write(async session =>
        {
            if (!await DeliverySignalStore.Remove(session, signals))
            {
                throw new OvertakenException();
            }
            await issues.See(session, seen);
            return signals.Count == MostSignals;
        });
    }

    private static Sighting Of(DeliverySignal signal, TargetOwner owner, bool isDown, IReadOnlyList<SeenItem> items)
    {
        var about = new IssueSubject(owner.SourceId, owner.DestinationId, owner.AppId, owner.EndpointId, owner.Recipient) { TargetNo = signal.TargetNo };
        var label = owner.Label.Length > MostLabelCharacters ? owner.Label[..MostLabelCharacters] + "…" : owner.Label;
        return signal.Reason is { } reason
            ? new Sighting(
                owner.WorkspaceNo, IssueKind.EndpointDisabled, IssueSeverity.Error, $"endpoint_disabled:{signal.TargetNo}", $"{label} was disabled",
                $"{reason} Nothing is sent to it until it is enabled again; what it misses can be replayed then.", about, signal.Times, signal.FirstAt, signal.LastAt, items)
            : new Sighting(
                owner.WorkspaceNo, IssueKind.DeliveryFailed, IssueSeverity.Error, $"delivery_failed:{signal.TargetNo}:{signal.Error}",
                $"Deliveries to {label} fail: {InShort(signal)}", Detail(signal, isDown), about, signal.Times, signal.FirstAt, signal.LastAt, items)
            {
                Error = signal.Error, IsDown = isDown,
            };
    }

    private static string InShort(DeliverySignal signal) => AttemptOutcomes.FromCode(signal.Error) switch
    {
        AttemptOutcome.HttpStatus when signal.ResponseStatus is { } status => $"the receiver answers {status}",
        AttemptOutcome.Timeout => "the receiver does not answer in time",
        AttemptOutcome.ConnectionRefused => "the connection is refused",
        AttemptOutcome.ConnectionFailed => "the connection breaks",
        AttemptOutcome.Dns => "the host name is not found",
        AttemptOutcome.Tls => "no secure connection can be made",
        AttemptOutcome.BlockedAddress => "the address may not be called",
        AttemptOutcome.InvalidResponse => "the answer is not valid HTTP",
        AttemptOutcome.TransformFailed => "the transformation cannot be applied",
        AttemptOutcome.RoutingKeyMissing => "no recipient is named",
        AttemptOutcome.EventTypeNotPublished => "the type is not published in the app",
        AttemptOutcome.SchemaMismatch => "the data does not match the schema in the app",
        AttemptOutcome.MessageRefused => "the app does not take them",
        _ => signal.Error ?? "",
    };

    private static string Detail(DeliverySignal signal, bool isDown) =>
        $"{AttemptOutcomes.FromCode(signal.Error)?.Sentence()} " + (isDown
            ? "Nothing arrives there now. This issue ends when a delivery does; what failed for good until then can be replayed."
            : "Other deliveries arrive there, so it may be what these carry. This issue ends when they have arrived after all: mend the receiver and replay them.");
}

/// <summary>Another server did the same step and was quicker: nothing of this one may stay.</summary>
public sealed class OvertakenException : Exception;
