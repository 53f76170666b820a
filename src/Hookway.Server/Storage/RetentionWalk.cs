namespace Hookway.Storage;

/// <summary>
/// Finds rows that have been kept long enough. First what they carry goes, and a day later the rows. Walks over a whole table in the order of acceptance, once for each
/// time that owners keep their rows, and remembers how far it came; after a start it begins anew, and so it does where an owner keeps less than it did.
/// </summary>
/// <param name="rows">(after, before, most) → the rows between two numbers, in their order.</param>
public sealed class RetentionWalk(Database database, TimeOrder times, Func<long, long, int, Task<List<AgingRow>>> rows)
{
    /// <summary>For how long a row is shown whose data has been erased.</summary>
    public static readonly TimeSpan ShownWithoutData = TimeSpan.FromDays(1);

    private const int RowsAtOnce = 1_000;

    private readonly Dictionary<(bool Payloads, int Days), long> _walked = [];
    private Dictionary<long, int> _days = [];

    /// <summary>Deals with what there is to deal with now; answers how many rows went.</summary>
    /// <param name="days">For how long each owner, by its number, keeps its rows.</param>
    /// <param name="expire">Erases what rows carry.</param>
    /// <param name="erase">Erases rows; answers the first that stays for now.</param>
    public async Task<long> Go(
        DateTimeOffset now, IReadOnlyDictionary<long, int> days, Func<IReadOnlyList<long>, Task> expire, Func<IReadOnlyList<long>, Task<long?>> erase, PacedWriter writer,
        CancellationToken stop)
    {
        foreach (var (_, shorter) in days.Where(owner => _days.TryGetValue(owner.Key, out var before) && before > owner.Value))
        {
            _walked.Remove((true, shorter));
            _walked.Remove((false, shorter));
        }
        _days = new Dictionary<long, int>(days);
        var kept = days.GroupBy(owner => owner.Value, owner => owner.Key).Select(same => (Days: same.Key, Owners: same.ToHashSet())).ToList();
        foreach (var (time, owners) in kept)
        {
            await Walk((Payloads: true, time), owners, now.AddDays(-time), async seqs =>
            {
                await expire(seqs);
                return null;
            }, writer, stop);
        }
        var removed = 0L;
        foreach (var (time, owners) in kept)
        {
            removed += await Walk((Payloads: false, time), owners, now.AddDays(-time) - ShownWithoutData, erase, writer, stop);
        }
        return removed;
    }

    /// <summary>Goes on from where the last walk came to, up to the last row that may be old enough; answers how many were dealt with.</summary>
    private async Task<long> Walk(
        (bool Payloads, int Days) key, HashSet<long> owners, DateTimeOffset before, Func<IReadOnlyList<long>, Task<long?>> deal, PacedWriter writer, CancellationToken stop)
    {
        var at = _walked.GetValueOrDefault(key);
        var end = await database.Read(connection => times.EndBefore(connection, before.ToUnixTimeMilliseconds()));
        var done = 0L;
        long? left = null;
        while (await rows(at, end, RowsAtOnce) is { Count: > 0 } found)
        {
            var own = found.Where(row => owners.Contains(row.OwnerNo)).ToList();
            var old = own.Where(row => row.At < before && (row.HasData || !key.Payloads)).Select(row => row.Seq).ToList();
            for (var taken = 0; taken < old.Count;)
            {
                var some = old.Slice(taken, Math.Min(PacedWriter.Rows, old.Count - taken));
                taken += some.Count;
                var stays = await deal(some);
                left ??= stays;
                done += some.Count;
            }
            // One that was dated later than its neighbours is visited again.
            left ??= own.FirstOrDefault(row => row.At >= before)?.Seq;
            at = found[^1].Seq;
            _walked[key] = Math.Min(at, left - 1 ?? at);
            await writer.Rest(stop);
        }
        return done;
    }
}

/// <summary>What the retention looks at of a row.</summary>
/// <param name="OwnerNo">By whom it is said how long it is kept.</param>
/// <param name="At">When it was accepted.</param>
public sealed record AgingRow(long Seq, long OwnerNo, DateTimeOffset At, bool HasData);
