using Dapper;
using Hookway.Deliveries;
using Microsoft.Data.Sqlite;

namespace Hookway.Tests.Simulation;

/// <summary>What callers were told and receivers saw, held against what the store says: the invariants of a world.</summary>
internal sealed class Ledger(World world, SqliteConnection store)
{
    private static readonly TimeSpan SoonEnough = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan TroubleLasts = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan RateSlack = TimeSpan.FromMilliseconds(100);

    private readonly Dictionary<(string Message, int Receiver), int> _excused = [];
    private readonly List<string> _findings = [];
    private HashSet<(long TargetNo, long MessageSeq, long Attempts, string Endpoint)> _heads = [];

    public List<SimulatedSend> Sends { get; } = [];

    /// <summary>Messages that somebody replayed or canceled: their order is not that of acceptance.</summary>
    public HashSet<string> Touched { get; } = [];

    /// <summary>
    /// A process has ended, or lost its lease. Of each delivery that it tried, one request that reached its receiver may not have come into the store: that in flight, or not yet
    /// committed.
    /// </summary>
    public void Lost(SimulatedProcess process)
    {
        var recorded = RecordedAttempts();
        foreach (var (key, seen) in SeenRequests(by: process))
        {
            var excess = seen - recorded.GetValueOrDefault(key);
            if (excess > _excused.GetValueOrDefault(key) + 1 && !world.HasSeveralNodes)
            {
                _findings.Add($"{key.Message} reached receiver {key.Receiver} {excess - _excused.GetValueOrDefault(key)} times more than is recorded, when a process ended");
            }
            if (excess > _excused.GetValueOrDefault(key))
            {
                _excused[key] = _excused.GetValueOrDefault(key) + 1;
            }
        }
    }

    /// <summary>
    /// When nothing goes wrong any more, what is first in its target's line and due does not stay so: a look finds what an earlier one, long before, has found already.
    /// </summary>
    public void LookForStandstill()
    {
        var heads = store.Query<(long TargetNo, long MessageSeq, long Attempts, string Endpoint)>(
            """
            SELECT d.target_no, d.message_seq, d.attempt_count,
                'due ' || d.next_attempt_at || ', ordered ' || e.ordered || ', paused ' || e.paused || ', enabled ' || e.enabled || ', rate ' || coalesce(e.rate_limit_per_minute, 0)
            FROM deliveries d JOIN endpoints e ON e.no = d.target_no
            WHERE d.status = 0 AND d.next_attempt_at <= @now AND NOT EXISTS (
                SELECT 1 FROM deliveries b WHERE b.target_no = d.target_no AND b.status = 0 AND CASE WHEN e.ordered = 1
                    THEN (abs(b.position) < abs(d.position) AND b.next_attempt_at <= @now) OR (b.run_attempts > 0 AND b.next_attempt_at > @now)
                    ELSE (b.next_attempt_at, b.message_seq) < (d.next_attempt_at, d.message_seq) END)
            """, new { now = (VirtualClock.Epoch + world.Scheduler.Now).ToUnixTimeMilliseconds() }).ToHashSet();
        _findings.AddRange(heads.Where(_heads.Contains).Select(head => $"Target {head.TargetNo} stands still at {world.Scheduler.Now} before item {head.MessageSeq}, which is due and was so before ({head.Endpoint})"));
        _heads = heads;
    }

    public bool NothingIsPending => store.ExecuteScalar<long>("SELECT count(*) FROM deliveries WHERE status = 0") == 0;

    /// <summary>All that is wrong with the world at its end; nothing when all is well.</summary>
    public IReadOnlyList<string> Close()
    {
        _findings.AddRange(world.Faults.Select(fault => $"A fault: {fault}"));
        CheckSends();
        CheckDeliveries();
        CheckRecords();
        CheckTransitions();
        CheckOrder();
        CheckRates();
        CheckNeighbours();
        return _findings;
    }

    /// <summary>Nothing acknowledged is lost, nothing refused is stored.</summary>
    private void CheckSends()
    {
        var stored = store.Query<(string Id, long Deliveries)>("SELECT id, (SELECT count(*) FROM deliveries d WHERE d.message_seq = m.seq) FROM messages m").ToDictionary(row => row.Id, row => row.Deliveries);
        foreach (var sends in Sends.GroupBy(send => send.MessageId))
        {
            if (sends.Any(send => send.Answer == 202) && !stored.ContainsKey(sends.Key))
            {
                _findings.Add($"{sends.Key} was acknowledged and is not stored");
            }
            if (sends.All(send => send.Answer is 503) && stored.ContainsKey(sends.Key))
            {
                _findings.Add($"{sends.Key} was refused with 503 and is stored");
            }
            var always = world.Receivers.Count(receiver => receiver.Endpoint.Recipient == sends.First().Recipient && !receiver.Endpoint.WasTakenOut && !receiver.WasGone);
            if (stored.GetValueOrDefault(sends.Key, long.MaxValue) < always)
            {
                _findings.Add($"{sends.Key} has {stored[sends.Key]} deliveries and {always} endpoints were always there for it");
            }
        }
    }

    /// <summary>Every delivery ends, as the receiver saw it.</summary>
    private void CheckDeliveries()
    {
        foreach (var row in Deliveries())
        {
            if (row.Status == (int)DeliveryStatus.Pending)
            {
                _findings.Add($"{row.Message} to receiver {row.Receiver} is still pending, due at {row.NextAttemptAt}");
            }
            if (row.Status == (int)DeliveryStatus.Succeeded && row.Successes == 0)
            {
                _findings.Add($"{row.Message} to receiver {row.Receiver} succeeded without an attempt that did");
            }
            if (row.Attempts != row.AttemptCount || row.LastNumber != row.AttemptCount)
            {
                _findings.Add($"{row.Message} to receiver {row.Receiver} counts {row.AttemptCount} attempts, has {row.Attempts}, the last is number {row.LastNumber}");
            }
        }
    }

    /// <summary>Every request is recorded once, but for those that the end of a process excuses.</summary>
    private void CheckRecords()
    {
        var recorded = RecordedAttempts();
        var seen = SeenRequests();
        foreach (var key in seen.Keys.Union(recorded.Keys))
        {
            var excess = seen.GetValueOrDefault(key) - recorded.GetValueOrDefault(key);
            // Of several nodes one may have been in the midst of what was also excused by the loss of another.
            if (world.HasSeveralNodes ? excess < 0 || excess > _excused.GetValueOrDefault(key) : excess != _excused.GetValueOrDefault(key))
            {
                _findings.Add($"{key.Message} reached receiver {key.Receiver} {seen.GetValueOrDefault(key)} times and is recorded {recorded.GetValueOrDefault(key)} times; {_excused.GetValueOrDefault(key)} are excused");
            }
        }
    }

    /// <summary>The state machine: what is not in its table did not happen.</summary>
    private void CheckTransitions()
    {
        foreach (var (from, to, fromRun, toRun) in store.Query<(long, long, long, long)>("SELECT old_status, new_status, old_run, new_run FROM simulation_changes"))
        {
            var isLegal = to == (int)DeliveryStatus.Pending
                ? from != to && toRun == fromRun + 1
                : toRun == fromRun && Enum.GetValues<DeliveryChange>().Any(change => DeliveryStates.After((DeliveryStatus)from, change) == (DeliveryStatus)to);
            if (!isLegal)
            {
                _findings.Add($"A delivery went from {(DeliveryStatus)from} in run {fromRun} to {(DeliveryStatus)to} in run {toRun}");
            }
        }
    }

    /// <summary>Ordered endpoints see what was accepted for them one at a time, in that order, each to its end before the next.</summary>
    private void CheckOrder()
    {
        var accepted = store.Query<(string Id, long Seq)>("SELECT id, seq FROM messages WHERE deliver_at IS NULL ORDER BY seq").ToDictionary(row => row.Id, row => row.Seq);
        foreach (var receiver in world.Receivers.Where(receiver => receiver.Endpoint.Settings.Ordered))
        {
            var inTurn = receiver.Arrivals.Where(arrival => accepted.ContainsKey(arrival.MessageId) && !Touched.Contains(arrival.MessageId)).ToList();
            foreach (var (earlier, later) in inTurn.Zip(inTurn.Skip(1)))
            {
                if (accepted[later.MessageId] < accepted[earlier.MessageId])
                {
                    _findings.Add($"Ordered receiver {receiver.Number} saw {later.MessageId} at {later.At} behind {earlier.MessageId}, which was accepted later");
                }
            }
            foreach (var (earlier, later) in receiver.Arrivals.Zip(receiver.Arrivals.Skip(1)))
            {
                if (later.At < earlier.EndsAt && later.Process == earlier.Process)
                {
                    _findings.Add($"Ordered receiver {receiver.Number} saw {later.MessageId} at {later.At} while {earlier.MessageId} was under way");
                }
            }
        }
        foreach (var (first, then) in Sends.Where(send => send.Answer == 202).SelectMany(first => Sends.Where(then => then.Answer == 202 && then.BeganAt > first.AnsweredAt).Select(then => (first, then))))
        {
            if (accepted.TryGetValue(first.MessageId, out var before) && accepted.TryGetValue(then.MessageId, out var after) && before > after && !Repeats(then))
            {
                _findings.Add($"{then.MessageId} began after {first.MessageId} was acknowledged and stands before it");
            }
        }
    }

    /// <summary>Accepted under a clock that was far ahead: who reads it from the store by another clock may wait until that time comes, unless the target is ordered.</summary>
    private HashSet<string> FromTheFuture() => [.. store.Query<(string Id, long CreatedAt)>("SELECT id, created_at FROM messages")
        .Where(row => Sends.Exists(send => send.MessageId == row.Id && send.Answer == 202
            && DateTimeOffset.FromUnixTimeMilliseconds(row.CreatedAt) > VirtualClock.Epoch + send.AnsweredTime + TroubleLasts)).Select(row => row.Id)];

    private bool Repeats(SimulatedSend send) => Sends.Any(other => other.MessageId == send.MessageId && other.BeganAt < send.BeganAt);

    private void CheckRates()
    {
        foreach (var receiver in world.Receivers.Where(receiver => receiver.Endpoint.Settings.RateLimitPerMinute is not null))
        {
            var limit = receiver.Endpoint.Settings.RateLimitPerMinute!.Value;
            for (var i = 0; i + limit < receiver.Arrivals.Count; i++)
            {
                var (first, last) = (receiver.Arrivals[i], receiver.Arrivals[i + limit]);
                if (last.At - first.At < TimeSpan.FromMinutes(1) - RateSlack && (world.HasSeveralNodes || first.Process == last.Process) && !IsTroubled(first.At, last.At))
                {
                    _findings.Add($"Receiver {receiver.Number} is to have {limit} a minute and had {limit + 1} from {first.At} to {last.At}");
                    break;
                }
            }
        }
    }

    /// <summary>What hangs or fails beside an endpoint that is well does not keep it waiting.</summary>
    private void CheckNeighbours()
    {
        // Of a signal that was lost nobody knows before the next look.
        var fromTheFuture = FromTheFuture();
        var soonEnough = world.HasSeveralNodes ? SoonEnough + World.Sharing.LookEvery : SoonEnough;
        foreach (var receiver in world.Receivers.Where(receiver => receiver is { WasBad: false, WasSlow: false, Endpoint: { WasPaused: false, WasTakenOut: false, Settings: { Ordered: false, RateLimitPerMinute: null } } }))
        {
            foreach (var send in Sends.Where(send => send.Answer == 202 && send.Recipient == receiver.Endpoint.Recipient && !send.IsForLater && !Touched.Contains(send.MessageId) && !fromTheFuture.Contains(send.MessageId) && !Repeats(send)))
            {
                var arrived = receiver.Arrivals.Find(arrival => arrival.MessageId == send.MessageId)?.At ?? TimeSpan.MaxValue;
                if (arrived > send.AnsweredTime + soonEnough && world.ClocksAgreed(send.AnsweredTime) && !IsTroubled(send.AnsweredTime - TroubleLasts, send.AnsweredTime + soonEnough))
                {
                    _findings.Add($"{send.MessageId} was acknowledged at {send.AnsweredTime} and reached receiver {receiver.Number}, which was always well, at {arrived}");
                }
            }
        }
    }

    private bool IsTroubled(TimeSpan from, TimeSpan to) => world.Troubles.Exists(at => at >= from && at <= to);

    /// <param name="by">Only what this process tried, if it is given; counted is every request for it.</param>
    private Dictionary<(string Message, int Receiver), int> SeenRequests(SimulatedProcess? by = null) => world.Receivers
        .SelectMany(receiver => receiver.Arrivals.Select(arrival => (Key: (arrival.MessageId, receiver.Number), arrival.Process))).GroupBy(seen => seen.Key)
        .Where(group => by is null || group.Any(seen => seen.Process == by.Number)).ToDictionary(group => group.Key, group => group.Count());

    private Dictionary<(string Message, int Receiver), int> RecordedAttempts() => store.Query<(string Id, string Url)>(
        "SELECT m.id, a.url FROM attempts a JOIN messages m ON m.seq = a.message_seq")
        .GroupBy(row => (row.Id, world.ReceiverOf(new Uri(row.Url)).Number)).ToDictionary(group => group.Key, group => group.Count());

    private IEnumerable<DeliveryRow> Deliveries() => store.Query<DeliveryRow>(
        """
        SELECT m.id AS message, e.url, d.status, d.attempt_count AS attemptCount, d.next_attempt_at AS nextAttemptAt,
            (SELECT count(*) FROM attempts a WHERE a.message_seq = d.message_seq AND a.target_no = d.target_no) AS attempts,
            (SELECT coalesce(max(number), 0) FROM attempts a WHERE a.message_seq = d.message_seq AND a.target_no = d.target_no) AS lastNumber,
            (SELECT count(*) FROM attempts a WHERE a.message_seq = d.message_seq AND a.target_no = d.target_no AND a.error IS NULL) AS successes
        FROM deliveries d JOIN messages m ON m.seq = d.message_seq JOIN endpoints e ON e.no = d.target_no
        """);

    private sealed record DeliveryRow
    {
        public string Message { get; init; } = "";
        public string Url { get; init; } = "";
        public long Status { get; init; }
        public long AttemptCount { get; init; }
        public long? NextAttemptAt { get; init; }
        public long Attempts { get; init; }
        public long LastNumber { get; init; }
        public long Successes { get; init; }
        public string Receiver => Url;
    }
}

/// <summary>One request of a caller's to send a message.</summary>
internal sealed class SimulatedSend(string messageId, string recipient, bool isForLater, int beganAt)
{
    public string MessageId => messageId;
    public string Recipient => recipient;
    public bool IsForLater => isForLater;

    /// <summary>The step of the world at which the request was made.</summary>
    public int BeganAt => beganAt;

    /// <summary>The step at which it was answered.</summary>
    public int AnsweredAt { get; private set; } = int.MaxValue;

    public TimeSpan AnsweredTime { get; private set; }

    /// <summary>The status; null when the server died before it answered.</summary>
    public int? Answer { get; private set; }

    public void Answered(int status, SeededScheduler scheduler)
    {
        Answer = status;
        AnsweredAt = scheduler.Steps;
        AnsweredTime = scheduler.Now;
    }
}
