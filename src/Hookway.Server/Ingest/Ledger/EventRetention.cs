using Hookway.Deliveries;
using Hookway.Ingest.Sources;
using Hookway.Storage;

namespace Hookway.Ingest.Ledger;

/// <summary>
/// Removes events that have been kept long enough: for as long as their workspace keeps history, or as their source says where that is shorter. First the body and what
/// was secret of the request go, and what is still pending is canceled as expired; a day later the event, with its deliveries, attempts and what repetitions of it are known by.
/// </summary>
public sealed class EventRetention(Database database, EventStore events, SourceStore sources, DeliverySchedule schedule, TimeProvider clock) : IRetained
{
    private readonly RetentionWalk _walk = new(database, events.Times, events.Walk);

    public async Task<long> Remove(RetentionCutoffs cutoffs, PacedWriter writer, CancellationToken stop)
    {
        var days = await sources.RetentionDays(cutoffs.Days);
        return await _walk.Go(cutoffs.Now, days, seqs => Expire(seqs, writer, stop), seqs => Erase(seqs, writer, stop), writer, stop);
    }

    private async Task Expire(IReadOnlyList<long> seqs, PacedWriter writer, CancellationToken stop)
    {
        foreach (var target in await writer.Write(session => EventStore.Expire(session, seqs, clock.GetUtcNow()), stop))
        {
            // What waits in memory for this target was read before; the store says what is left of it.
            schedule.Refresh(target);
        }
    }

    /// <summary>Answers the first that stays for now.</summary>
    private async Task<long?> Erase(IReadOnlyList<long> seqs, PacedWriter writer, CancellationToken stop) =>
        await writer.Write(session => EventStore.EraseExpired(session, seqs, clock.GetUtcNow() - RetentionWalk.ShownWithoutData, clock.GetUtcNow()), stop)
            is { Count: > 0 } stay ? stay.Min() : null;
}
