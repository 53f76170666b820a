using Hookway.Deliveries;
using Hookway.Storage;

namespace Hookway.Dispatch.Messages;

/// <summary>
/// Removes messages that have been kept long enough. First what they carry: the data is erased, and what is still pending is canceled as expired, which is shown for a
/// day; then the message goes, with its deliveries, attempts and keys.
/// </summary>
public sealed class MessageRetention(Database database, MessageStore messages, DeliverySchedule schedule, TimeProvider clock) : IRetained
{
    private readonly RetentionWalk _walk = new(database, messages.Times, messages.Walk);

    public async Task<long> Remove(RetentionCutoffs cutoffs, PacedWriter writer, CancellationToken stop)
    {
        var days = (await messages.OwnersOfApps()).Where(app => cutoffs.Days.ContainsKey(app.Value)).ToDictionary(app => app.Key, app => cutoffs.Days[app.Value]);
        var removed = await _walk.Go(cutoffs.Now, days, seqs => Expire(seqs, writer, stop), seqs => Erase(seqs, writer, stop), writer, stop);
        while (await writer.Write(session => MessageStore.RemoveExpiredKeys(session, clock.GetUtcNow(), PacedWriter.Rows), stop) > 0)
        {
        }
        return removed;
    }

    private async Task Expire(IReadOnlyList<long> seqs, PacedWriter writer, CancellationToken stop)
    {
        foreach (var target in await writer.Write(session => MessageStore.Expire(session, seqs, clock.GetUtcNow()), stop))
        {
            // What waits in memory for this target was read before; the store says what is left of it.
            schedule.Refresh(target);
        }
    }

    /// <summary>Answers the first that stays for now.</summary>
    private async Task<long?> Erase(IReadOnlyList<long> seqs, PacedWriter writer, CancellationToken stop) =>
        await writer.Write(session => MessageStore.EraseExpired(session, seqs, clock.GetUtcNow() - RetentionWalk.ShownWithoutData, clock.GetUtcNow()), stop)
            is { Count: > 0 } stay ? stay.Min() : null;
}
