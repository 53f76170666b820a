using Hookway.Deliveries;
using Hookway.Storage;

namespace Hookway.Dispatch.Messages;

/// <summary>
/// Removes messages that have been kept long enough. First what they carry: the data is erased, and what is still pending is canceled as expired, which is shown for a
/// day; then the message goes, with its deliveries, attempts and keys. Walks over all messages in the order of acceptance, once for each time that workspaces keep
/// them, and remembers how far it came; after a start it begins anew.
/// </summary>
public sealed class MessageRetention(Database database, MessageStore messages, DeliverySchedule schedule, TimeProvider clock) : IRetained
{
    /// <summary>For how long a message is shown whose data has been erased.</summary>
    public static readonly TimeSpan ShownWithoutData = TimeSpan.FromDays(1);

    private const int RowsAtOnce = 1_000;

    private readonly Dictionary<(bool Payloads, int Days), long> _walked = [];

    public async Task<long> Remove(RetentionCutoffs cutoffs, PacedWriter writer, CancellationToken stop)
    {
        var owners = await messages.OwnersOfApps();
        foreach (var kept in cutoffs.Classes)
        {
            await Walk(kept, payloads: true, kept.Before, owners, writer, stop);
        }
        var removed = 0L;
        foreach (var kept in cutoffs.Classes)
        {
            removed += await Walk(kept, payloads: false, kept.Before - ShownWithoutData, owners, writer, stop);
        }
        while (await writer.Write(session => MessageStore.RemoveExpiredKeys(session, clock.GetUtcNow(), writer.Rows), stop) > 0)
        {
        }
        return removed;
    }

    /// <summary>Goes on from where the last walk came to, up to the last message that may be old enough; answers how many were dealt with.</summary>
    private async Task<long> Walk(RetentionClass kept, bool payloads, DateTimeOffset before, Dictionary<long, long> owners, PacedWriter writer, CancellationToken stop)
    {
        var key = (payloads, kept.Days);
        var at = _walked.GetValueOrDefault(key);
        var end = await database.Read(connection => messages.Times.EndBefore(connection, before.ToUnixTimeMilliseconds()));
        var done = 0L;
        long? left = null;
        while (await messages.Walk(at, end, RowsAtOnce) is { Count: > 0 } rows)
        {
            var own = rows.Where(row => owners.TryGetValue(row.AppNo, out var workspace) && kept.Workspaces.Contains(workspace)).ToList();
            var old = own.Where(row => row.CreatedAt < before && (row.HasData || !payloads)).Select(row => row.Seq).ToList();
            for (var taken = 0; taken < old.Count;)
            {
                var some = old.Slice(taken, Math.Min(writer.Rows, old.Count - taken));
                taken += some.Count;
                var stays = await (payloads ? Expire(some, writer, stop) : Erase(some, writer, stop));
                left ??= stays;
                done += some.Count;
            }
            // One that was dated later than its neighbours is visited again.
            left ??= own.FirstOrDefault(row => row.CreatedAt >= before)?.Seq;
            at = rows[^1].Seq;
            _walked[key] = Math.Min(at, left - 1 ?? at);
            await writer.Rest(stop);
        }
        return done;
    }

    private async Task<long?> Expire(List<long> seqs, PacedWriter writer, CancellationToken stop)
    {
        foreach (var target in await writer.Write(session => MessageStore.Expire(session, seqs, clock.GetUtcNow()), stop))
        {
            // What waits in memory for this target was read before; the store says what is left of it.
            schedule.Refresh(target);
        }
        return null;
    }

    /// <summary>Answers the first that stays for now.</summary>
    private async Task<long?> Erase(List<long> seqs, PacedWriter writer, CancellationToken stop) =>
        await writer.Write(session => MessageStore.EraseExpired(session, seqs, clock.GetUtcNow() - ShownWithoutData, clock.GetUtcNow()), stop)
            is { Count: > 0 } stay ? stay.Min() : null;
}
