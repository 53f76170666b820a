using System.Text.Json;
using Hookway.Deliveries;
using Hookway.Ingest.Ledger;
using Hookway.Ingest.Verification;
using Hookway.Storage;

namespace Hookway.Ingest.Intake;

/// <summary>
/// One transaction's worth of received events: repetitions are found (in the store, and among the events themselves), the rest is routed, and everything is inserted,
/// table by table. A fixed number of statements, however many events there are.
/// </summary>
internal sealed class EventCommit(WriteSession session, Configuration configuration, RouteEvent route, TimeOrder times, KnownTypes types, long slot)
{
    /// <summary>How many events of a source may be removed for one that is added: more than one, so that too many become fewer.</summary>
    private const int TrimmedPerFailed = 2;

    private static readonly JsonSerializerOptions EvidenceOptions = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>By the first event of a kind: the targets that have, or may still get, one of its copies.</summary>
    private readonly Dictionary<long, HashSet<long>> _reached = [];

    public async Task<EventOutcome[]> Accept(IReadOnlyList<ReceivedEvent> received)
    {
        await configuration.CatchUp(session, () => session.ExpectNumbers(EventStore.Counter, received.Count));
        var outcomes = new EventOutcome[received.Count];
        var current = new List<int>(received.Count);
        for (var i = 0; i < received.Count; i++)
        {
            if (configuration.IsStale(received[i].View.Source.Subject(), received[i].Version))
            {
                outcomes[i] = EventOutcome.Outdated;
            }
            else
            {
                current.Add(i);
            }
        }
        if (current.Count == 0)
        {
            return outcomes;
        }
        var seqs = await session.TakeNumbers(EventStore.Counter, current.Count);
        var items = current.Select((at, i) => (Event: received[at], Seq: seqs[i])).ToList();
        var reused = await SignatureReuse.FindRefused(session, items);
        if (reused.Count > 0)
        {
            items = items.ConvertAll(item => reused.Contains(item.Seq) ? (item.Event with { Verdict = SignatureReuse.Refuse(item.Event.Verdict) }, item.Seq) : item);
        }
        var firsts = await FindFirsts(items);
        var deliveries = new List<NewDelivery>();
        for (var i = 0; i < items.Count; i++)
        {
            var targets = await TargetsOf(items[i].Event, items[i].Seq, firsts[i]);
            deliveries.AddRange(targets.Select(target => new NewDelivery(items[i].Seq, target.No, DeliveryTrigger.Automatic, items[i].Event.Request.ReceivedAt, target.Ordered)));
            outcomes[current[i]] = new EventOutcome(items[i].Seq, firsts[i] is not null, targets, reused.Contains(items[i].Seq) ? items[i].Event.Verdict : null);
        }
        await Insert(items, firsts, deliveries);
        return outcomes;
    }

    /// <summary>
    /// For each event the one that it repeats; null for the first of its kind. What could not be checked may repeat anything; what was verified repeats only what was
    /// verified: else whoever knows the URL and guesses an id could have the genuine event passed over. A failed event takes no part.
    /// </summary>
    private async Task<First?[]> FindFirsts(List<(ReceivedEvent Event, long Seq)> items)
    {
        var claims = new Dictionary<(long, string, long), EventKey>();
        foreach (var (item, seq) in items)
        {
            if (item.MayRepeat)
            {
                claims.TryAdd(IdOf(item, item.DuplicateKey, item.Trust), new EventKey(item.View.Source.No, item.DuplicateKey, item.Trust, seq));
            }
            if (item.MarksReuse)
            {
                claims.TryAdd(IdOf(item, item.SignedKey!, item.Trust), new EventKey(item.View.Source.No, item.SignedKey!, item.Trust, seq));
            }
        }
        var firsts = new First?[items.Count];
        if (claims.Count == 0)
        {
            return firsts;
        }
        // In one order, so that two nodes that claim the same keys wait for each other and do not lock.
        List<EventKey> keys = [.. claims.OrderBy(claim => claim.Key.Item1).ThenBy(claim => claim.Key.Item2, StringComparer.Ordinal).ThenBy(claim => claim.Key.Item3).Select(claim => claim.Value)];
        await EventStore.ClaimKeys(session, keys);
        var claimed = (await EventStore.FindKeys(session, keys)).Distinct().ToDictionary(key => (key.SourceNo, Convert.ToHexString(key.Key), key.Trust), key => key.Seq);
        var own = items.Select(item => item.Seq).ToHashSet();
        for (var i = 0; i < items.Count; i++)
        {
            var (item, seq) = items[i];
            // Another node may have taken a later number and committed before: it was first.
            First? Earlier(byte[] key, long trust, bool isSame) =>
                claimed.TryGetValue(IdOf(item, key, trust), out var first) && (first < seq || (first > seq && !own.Contains(first))) ? new First(first, isSame) : null;
            firsts[i] = item.MayRepeat ? Earlier(item.DuplicateKey, 1, item.IsKnownById) ?? (item.Trust == 0 ? Earlier(item.DuplicateKey, 0, item.IsKnownById) : null) : null;
            firsts[i] ??= item.MarksReuse ? Earlier(item.SignedKey!, 1, isSame: false) : null;
        }
        return firsts;
    }

    /// <summary>
    /// Where an event goes. One that bears the id of an earlier one goes only where no copy before it has arrived or is on its way, unless the source says otherwise; one
    /// that only looks like an earlier one goes everywhere.
    /// </summary>
    private async Task<IReadOnlyList<DeliveryTarget>> TargetsOf(ReceivedEvent item, long seq, First? first)
    {
        if (!item.IsForwardable)
        {
            return [];
        }
        var targets = await route(session, new RoutedEvent(item.View.Source, item.Request, item.Facts, item.Version));
        if (targets.Count == 0 || item.View.Source.Settings.ForwardDuplicates || !item.IsKnownById)
        {
            return targets;
        }
        var same = first is { IsSame: true } ? first : null;
        var reached = await ReachedBy(same?.Seq ?? seq, isNew: same is null);
        if (same is not null)
        {
            targets = [.. targets.Where(target => !reached.Contains(target.No))];
        }
        reached.UnionWith(targets.Select(target => target.No));
        return targets;
    }

    private async Task<HashSet<long>> ReachedBy(long first, bool isNew)
    {
        if (!_reached.TryGetValue(first, out var reached))
        {
            _reached[first] = reached = isNew ? [] : [.. await EventStore.TargetsOf(session, first)];
        }
        return reached;
    }

    private async Task Insert(List<(ReceivedEvent Event, long Seq)> items, First?[] firsts, List<NewDelivery> deliveries)
    {
        var rows = items.Select((item, i) => RowOf(item.Event, item.Seq, firsts[i]?.Seq)).ToList();
        await EventStore.Insert(session, rows);
        await times.Note(session, rows.Select(row => row.ReceivedAt.ToUnixTimeMilliseconds()));
        await DeliveryStore.Insert(session, deliveries);
        await EventStore.Count(session, slot, rows);
        await types.Add(session, rows);
        foreach (var failed in rows.Where(row => row.Verdict.Status is SignatureStatus.Failed).GroupBy(row => row.SourceNo))
        {
            await EventStore.TrimFailed(session, failed.Key, failed.Count() * TrimmedPerFailed);
        }
    }

    private static NewEvent RowOf(ReceivedEvent item, long seq, long? first)
    {
        var source = item.View.Source;
        var kept = item.View.Seal.Split(item.EventId, item.Request, item.Query);
        return new NewEvent(
            seq, source.WorkspaceNo, source.No, item.EventId, item.Facts, item.Verdict,
            item.Verdict.Status is SignatureStatus.Failed && item.Verdict.Evidence is { } evidence ? JsonSerializer.Serialize(evidence, EvidenceOptions) : null,
            item.DuplicateKey, item.SignedKey, first, item.Request.Method, kept.Query, StoredHeaders.Write(kept.Headers), kept.Sealed, item.Request.Header("content-type"), item.SourceIp,
            item.Request.ReceivedAt, item.Request.Body);
    }

    private static (long, string, long) IdOf(ReceivedEvent item, byte[] key, long trust) => (item.View.Source.No, Convert.ToHexString(key), trust);

    /// <summary>The event that another repeats.</summary>
    /// <param name="IsSame">It bears the same id; otherwise it only looks the same, which marks the other and holds it back from nowhere.</param>
    private readonly record struct First(long Seq, bool IsSame);
}
